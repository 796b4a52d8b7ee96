//! The connections to the admin address. Their number is limited: a new connection evicts an idle one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// The largest number of concurrent connections. When it is reached, a new connection evicts the one that has been idle
/// for the longest time.
const MAX_CONNECTIONS: usize = 128;

/// The largest number of long requests that run concurrently. Others wait. This is less than the number of connections,
/// so that there is always a connection that can be evicted.
const MAX_WORKING: usize = 16;

/// How long a connection may be open without a running request before it is closed. Most metrics scrapers send a
/// request every minute, so the limit is longer than that.
const MAX_IDLE: Duration = Duration::from_secs(90);

/// The open connections, and the permits for their long requests.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<Open>,
    permits: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Open {
    next_id: u64,
    states: HashMap<u64, (State, CancellationToken)>,
}

/// The state of a connection. The variants are in the order of eviction: the lowest state is evicted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// No request is running. The value is the time at which the last request was answered. If there was no request
    /// yet, it is the time at which the connection was opened.
    Idle(Instant),
    /// A long request is being read, or is waiting for a permit. The value is the time at which the request arrived.
    Waiting(Instant),
    /// A long request runs.
    Working,
}

/// The slot of a connection. Dropping this frees the slot.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    connections: Arc<Connections>,
    id: u64,
    evicted: CancellationToken,
}

/// The permit to run a long request. It is held until the connection is idle again.
#[derive(Debug)]
pub(super) struct RequestPermit(
    #[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit,
);

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(MAX_WORKING));
        Arc::new(Self { open: Mutex::default(), permits })
    }

    /// Adds a connection. If there are too many, evicts another connection.
    pub(super) fn add(self: &Arc<Self>, now: Instant) -> ConnectionSlot {
        let evicted = CancellationToken::new();
        let mut open = self.open.lock();
        if open.states.len() >= MAX_CONNECTIONS {
            let states = open.states.iter();
            let idlest = states.min_by_key(|(_, (state, _))| *state).map(|(id, _)| *id);
            if let Some((_, token)) = idlest.and_then(|id| open.states.remove(&id)) {
                token.cancel();
            }
        }
        let id = open.next_id;
        open.next_id += 1;
        open.states.insert(id, (State::Idle(now), evicted.clone()));
        ConnectionSlot { connections: Arc::clone(self), id, evicted }
    }
}

impl ConnectionSlot {
    /// Marks the connection as idle. Must be called after a request was answered.
    pub(super) fn set_idle(&self, now: Instant) {
        self.set_state(State::Idle(now));
    }

    /// Marks the connection as waiting. Must be called when a long request has arrived.
    pub(super) fn set_waiting(&self, now: Instant) {
        self.set_state(State::Waiting(now));
    }

    /// Waits until the request may run. Returns `None` if the connection was evicted. In that case the request must not
    /// run.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future removes the request from the queue.
    pub(super) async fn acquire(&self) -> Option<RequestPermit> {
        let permits = Arc::clone(&self.connections.permits);
        let permit = permits.acquire_owned().await.ok()?;
        self.set_state(State::Working).then_some(RequestPermit(permit))
    }

    /// Waits until the connection must be closed, because it was evicted or has been idle for too long.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn closed(&self) {
        while let Some(next_check) = self.next_check(Instant::now()) {
            tokio::select! {
                () = self.evicted.cancelled() => return,
                () = sleep_until(next_check) => {}
            }
        }
    }

    /// Returns when to check again whether the connection has been idle for too long. Returns `None` if the connection
    /// has already been idle for too long, or was evicted.
    fn next_check(&self, now: Instant) -> Option<Instant> {
        let state = self.connections.open.lock().states.get(&self.id).map(|(state, _)| *state);
        let at = match state? {
            State::Idle(since) | State::Waiting(since) => since + MAX_IDLE,
            State::Working => now + MAX_IDLE,
        };
        (at > now).then_some(at)
    }

    /// Sets the state. Returns whether the connection still has its slot.
    fn set_state(&self, to: State) -> bool {
        match self.connections.open.lock().states.get_mut(&self.id) {
            Some((state, _)) => {
                *state = to;
                true
            }
            None => false,
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.open.lock().states.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn new_connection_evicts_the_one_that_is_idle_for_longest() {
        let connections = Connections::new();
        let start = Instant::now();
        let at = |second: usize| start + SECOND * second as u32;
        let slots: Vec<ConnectionSlot> =
            (0..MAX_CONNECTIONS).map(|second| connections.add(at(second))).collect();
        let permit = slots[0].acquire().await.expect("a permit");
        slots[1].set_waiting(at(1));
        slots[2].set_idle(at(200));
        let mut added = Vec::new();
        for last in 3..10 {
            added.push(connections.add(at(200)));
            for (number, slot) in slots.iter().enumerate() {
                let is_evicted = slot.evicted.is_cancelled();
                assert_eq!(is_evicted, (3..=last).contains(&number), "{number} at {last}");
            }
        }
        assert!(slots[3].acquire().await.is_none(), "an evicted connection starts no request");
        assert!(slots[3].next_check(at(3)).is_none());
        // If no connection is idle, the one that has waited for the longest time is evicted.
        for (number, slot) in slots.iter().chain(&added).enumerate().skip(1) {
            slot.set_waiting(at(1000 - number));
        }
        let _another = connections.add(at(1000));
        assert!(added.last().expect("some").evicted.is_cancelled());
        drop(permit);
    }

    #[tokio::test]
    async fn idle_connection_is_closed_after_a_while_and_a_working_one_is_not() {
        let connections = Connections::new();
        let now = Instant::now();
        let slot = connections.add(now);
        let end = now + MAX_IDLE;
        assert_eq!(slot.next_check(end - SECOND), Some(end));
        assert_eq!(slot.next_check(end), None);
        slot.set_waiting(end);
        assert_eq!(slot.next_check(end), Some(end + MAX_IDLE));
        let permit = slot.acquire().await;
        assert!(permit.is_some());
        assert!(slot.next_check(end + MAX_IDLE * 10).is_some());
        slot.set_idle(end);
        assert_eq!(slot.next_check(end + MAX_IDLE), None);
    }

    #[tokio::test]
    async fn number_of_running_requests_is_limited() {
        let connections = Connections::new();
        let add = || connections.add(Instant::now());
        let (slots, last): (Vec<ConnectionSlot>, ConnectionSlot) =
            ((0..MAX_WORKING).map(|_| add()).collect(), add());
        let mut permits = Vec::new();
        for slot in &slots {
            permits.push(slot.acquire().await.expect("a permit"));
        }
        // Polls the future exactly once, because the second branch is always ready.
        tokio::select! {
            biased;
            _ = last.acquire() => panic!("one too many"),
            () = ready(()) => {}
        }
        permits.pop();
        assert!(last.acquire().await.is_some());
    }
}
