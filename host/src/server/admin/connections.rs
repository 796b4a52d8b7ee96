//! Connections at the admin address: bounded, and one that does nothing gives way to a new one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Connections at a time. One more takes the place of the one that has been idle for the longest time.
const MAX_CONNECTIONS: usize = 128;

/// Requests in work at a time, so fewer than there are connections: one of them can always give way. More wait.
const MAX_WORKING: usize = 16;

/// How long a connection may be without a request in work until it is closed: longer than the minute after
/// which most who measure come again.
const MAX_IDLE: Duration = Duration::from_secs(90);

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<Open>,
    permits: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    states: HashMap<u64, (State, CancellationToken)>,
}

/// What a connection does. The least of all gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Nothing, since then: there was no request yet, or it is answered.
    Idle(Instant),
    /// Its request has not begun: it is still on its way, or waits for a place.
    Waiting(Instant),
    /// Its request is in work.
    Working,
}

/// The place of a connection among all. Free again when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    connections: Arc<Connections>,
    number: u64,
    given_away: CancellationToken,
}

/// The right to work on a request. It is held until the connection rests.
#[derive(Debug)]
pub(super) struct RequestPermit(
    #[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit,
);

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(MAX_WORKING));
        Arc::new(Self { open: Mutex::default(), permits })
    }

    /// A place for one more connection. If there is none, the one that gives way is closed.
    pub(super) fn seat(self: &Arc<Self>, now: Instant) -> ConnectionSlot {
        let given_away = CancellationToken::new();
        let mut open = self.open.lock();
        if open.states.len() >= MAX_CONNECTIONS {
            let states = open.states.iter();
            let idlest = states.min_by_key(|(_, (state, _))| *state).map(|(number, _)| *number);
            if let Some((_, token)) = idlest.and_then(|number| open.states.remove(&number)) {
                token.cancel();
            }
        }
        let number = open.next;
        open.next += 1;
        open.states.insert(number, (State::Idle(now), given_away.clone()));
        ConnectionSlot { connections: Arc::clone(self), number, given_away }
    }
}

impl ConnectionSlot {
    /// A request was answered.
    pub(super) fn rest(&self, now: Instant) {
        self.change(State::Idle(now));
    }

    /// A request has come that takes long.
    pub(super) fn wait(&self, now: Instant) {
        self.change(State::Waiting(now));
    }

    /// Waits until its request may begin. `None`: the connection has given way, and nothing may begin any more.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost with the future.
    pub(super) async fn turn(&self) -> Option<RequestPermit> {
        let permits = Arc::clone(&self.connections.permits);
        let permit = permits.acquire_owned().await.ok()?;
        self.change(State::Working).then_some(RequestPermit(permit))
    }

    /// Waits until the connection is to be closed: it gives way to another, or has been idle for too long.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn over(&self) {
        while let Some(look_again) = self.look_again(Instant::now()) {
            tokio::select! {
                () = self.given_away.cancelled() => return,
                () = sleep_until(look_again) => {}
            }
        }
    }

    /// When it may have been idle for too long. `None`: it has, or has given way.
    fn look_again(&self, now: Instant) -> Option<Instant> {
        let state = self.connections.open.lock().states.get(&self.number).map(|(state, _)| *state);
        let at = match state? {
            State::Idle(since) | State::Waiting(since) => since + MAX_IDLE,
            State::Working => now + MAX_IDLE,
        };
        (at > now).then_some(at)
    }

    /// Answers whether it still has its place.
    fn change(&self, to: State) -> bool {
        match self.connections.open.lock().states.get_mut(&self.number) {
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
        self.connections.open.lock().states.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn one_more_takes_the_place_of_the_idlest() {
        let connections = Connections::new();
        let start = Instant::now();
        let at = |second: usize| start + SECOND * second as u32;
        let seats: Vec<ConnectionSlot> =
            (0..MAX_CONNECTIONS).map(|second| connections.seat(at(second))).collect();
        let turn = seats[0].turn().await.expect("a place");
        seats[1].wait(at(1));
        seats[2].rest(at(200));
        let mut more = Vec::new();
        for number in 3..10 {
            more.push(connections.seat(at(200)));
            for (permit, seat) in seats.iter().enumerate() {
                let is_over = seat.given_away.is_cancelled();
                assert_eq!(is_over, (3..=number).contains(&permit), "{permit} at {number}");
            }
        }
        assert!(seats[3].turn().await.is_none(), "what gave way begins nothing");
        assert!(seats[3].look_again(at(3)).is_none());
        // Where nobody is idle, the one gives way that has waited for the longest time.
        for (permit, seat) in seats.iter().chain(&more).enumerate().skip(1) {
            seat.wait(at(1000 - permit));
        }
        let _one_more = connections.seat(at(1000));
        assert!(more.last().expect("some").given_away.is_cancelled());
        drop(turn);
    }

    #[tokio::test]
    async fn idle_connection_is_over_in_time_and_one_in_work_is_not() {
        let connections = Connections::new();
        let now = Instant::now();
        let seat = connections.seat(now);
        let end = now + MAX_IDLE;
        assert_eq!(seat.look_again(end - SECOND), Some(end));
        assert_eq!(seat.look_again(end), None);
        seat.wait(end);
        assert_eq!(seat.look_again(end), Some(end + MAX_IDLE));
        let turn = seat.turn().await;
        assert!(turn.is_some());
        assert!(seat.look_again(end + MAX_IDLE * 10).is_some());
        seat.rest(end);
        assert_eq!(seat.look_again(end + MAX_IDLE), None);
    }

    #[tokio::test]
    async fn no_more_requests_than_may_be_are_in_work() {
        let connections = Connections::new();
        let seat = || connections.seat(Instant::now());
        let (seats, last): (Vec<ConnectionSlot>, ConnectionSlot) =
            ((0..MAX_WORKING).map(|_| seat()).collect(), seat());
        let mut turns = Vec::new();
        for seat in &seats {
            turns.push(seat.turn().await.expect("a place"));
        }
        // What is polled behind it is ready at once.
        tokio::select! {
            biased;
            _ = last.turn() => panic!("one too many"),
            () = ready(()) => {}
        }
        turns.pop();
        assert!(last.turn().await.is_some());
    }
}
