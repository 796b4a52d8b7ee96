//! Delivers broadcasts to the clients of one worker. A broadcast is for a group, which is the subscribers of a topic or
//! the clients with a tag.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use ws_host_protocol::{CloseFrame, SharedMessage};

use crate::clients::{Cause, Client, ClientId};
use crate::running::Running;
use crate::slice;

/// The maximum number of bytes that may wait for delivery on one worker. Publishers wait while the queue is full.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// The cost of a broadcast in addition to its own size, in bytes.
const OVERHEAD: usize = 256;

/// Broadcasts that wait to be delivered to the clients of one worker, in order. Only tasks of that worker deliver them.
/// So two tasks never deliver a broadcast to a client at the same time.
#[derive(Debug)]
pub(super) struct DeliveryQueue {
    worker: Handle,
    state: Mutex<State>,
    has_capacity: Notify,
}

#[derive(Debug, Default)]
struct State {
    deliveries: VecDeque<Arc<Delivery>>,
    /// The number of the next broadcast.
    next: u64,
    bytes: usize,
    /// Whether there is a task that delivers until the queue is empty.
    has_task: bool,
}

/// An action on all members of a group, except for some.
#[derive(Debug)]
pub(super) struct Broadcast {
    action: Action,
    /// The clients that do not get the broadcast, sorted.
    except: Box<[ClientId]>,
}

#[derive(Debug)]
enum Action {
    Send(SharedMessage),
    Close(CloseFrame, Cause),
}

/// A queued broadcast to the members of one group.
#[derive(Debug)]
struct Delivery {
    number: u64,
    members: Arc<Members>,
    broadcast: Arc<Broadcast>,
    /// The highest id of the members that the delivery has reached, or 0.
    delivered_up_to: AtomicU64,
}

/// The members of a group on one worker. Each member has the number of the first broadcast that it gets. This is the
/// first broadcast that was queued after the member joined.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// A delivery holds this lock for up to a slice. Other tasks that need the lock nearly always run on the same
    /// worker, because clients are always added on this worker and usually removed on it.
    all: Mutex<BTreeMap<ClientId, (u64, Arc<Client>)>>,
    count: AtomicUsize,
}

/// The progress of a delivery on this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The delivery has reached every member on this worker.
    Done,
    /// The slice is over. The caller must yield, and then call this again.
    SliceOver,
    /// Earlier broadcasts come first. A task is delivering them.
    Queued,
}

/// A broadcast that has been queued on all workers. If this is dropped before the delivery on this worker is complete,
/// a task completes the delivery.
#[derive(Debug)]
pub(crate) struct QueuedBroadcast {
    member_count: usize,
    /// The queue of this worker, and the broadcast's number in that queue.
    local: Option<(Arc<DeliveryQueue>, u64)>,
}

impl DeliveryQueue {
    pub(super) fn new(worker: Handle) -> Self {
        Self { worker, state: Mutex::default(), has_capacity: Notify::new() }
    }

    pub(super) fn worker(&self) -> &Handle {
        &self.worker
    }

    pub(super) fn is_full(&self) -> bool {
        self.state.lock().bytes >= MAX_QUEUED_BYTES
    }

    /// Waits until the queue is not full. The caller must push before its next `await`. All waiting tasks are woken
    /// together. Each checks the queue again, so it sees what the tasks before it have pushed.
    pub(super) async fn wait_for_capacity(&self) {
        loop {
            let mut has_capacity = pin!(self.has_capacity.notified());
            has_capacity.as_mut().enable();
            if !self.is_full() {
                return;
            }
            has_capacity.await;
        }
    }

    /// Adds a broadcast and returns its number. The caller must deliver the broadcast, or call
    /// [`start_delivery`](Self::start_delivery).
    pub(super) fn push(&self, members: Arc<Members>, broadcast: Arc<Broadcast>) -> u64 {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.bytes += broadcast.cost();
        let delivered_up_to = AtomicU64::new(0);
        state.deliveries.push_back(Arc::new(Delivery {
            number,
            members,
            broadcast,
            delivered_up_to,
        }));
        number
    }

    /// Starts a task on the worker. The task delivers until the queue is empty. Does nothing if such a task already
    /// exists.
    pub(super) fn start_delivery(self: &Arc<Self>) {
        if !std::mem::replace(&mut self.state.lock().has_task, true) {
            Running::start(&self.worker, Arc::clone(self).deliver_all());
        }
    }

    async fn deliver_all(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state.lock();
                let next = state.deliveries.front().cloned();
                state.has_task = next.is_some();
                next
            };
            let Some(delivery) = next else { return };
            if self.deliver(&delivery) == Progress::SliceOver {
                slice::yield_now().await;
            }
        }
    }

    /// Delivers the broadcast at the front of the queue.
    fn deliver(&self, delivery: &Delivery) -> Progress {
        if delivery.deliver() == Progress::SliceOver {
            return Progress::SliceOver;
        }
        let mut state = self.state.lock();
        // Another task may already have removed the broadcast.
        if state.deliveries.front().is_some_and(|front| front.number == delivery.number) {
            state.deliveries.pop_front();
            state.bytes -= delivery.broadcast.cost();
            self.has_capacity.notify_waiters();
        }
        Progress::Done
    }
}

impl Broadcast {
    /// Creates a broadcast that sends a message to all members, except those in `except`.
    pub(super) fn send(message: SharedMessage, except: &[ClientId]) -> Self {
        let mut except = Box::<[ClientId]>::from(except);
        except.sort_unstable();
        Self { action: Action::Send(message), except }
    }

    /// Creates a broadcast that closes all members.
    pub(super) fn close(frame: CloseFrame, cause: Cause) -> Self {
        Self { action: Action::Close(frame, cause), except: Box::default() }
    }

    fn cost(&self) -> usize {
        let bytes = match &self.action {
            Action::Send(message) => message.frame_length(),
            Action::Close(frame, _) => frame.reason().len(),
        };
        bytes + size_of_val(&*self.except) + OVERHEAD
    }

    /// Returns whether a message was queued for the client.
    fn deliver(&self, client: &Client) -> bool {
        if self.except.binary_search(&client.id()).is_ok() {
            return false;
        }
        match &self.action {
            // If a client is closing or its outbound buffer is full, it misses the message.
            Action::Send(message) => client.send_shared(message).is_ok(),
            Action::Close(frame, cause) => {
                client.close_with(frame, *cause);
                false
            }
        }
    }
}

impl Delivery {
    fn deliver(&self) -> Progress {
        let all = self.members.all.lock();
        let delivered_up_to = ClientId(self.delivered_up_to.load(Ordering::Relaxed));
        let (mut queued, mut progress) = (0, Progress::Done);
        let mut last = ClientId(u64::MAX);
        for (id, (first, client)) in all.range((Excluded(delivered_up_to), Unbounded)) {
            if *first <= self.number {
                queued += u64::from(self.broadcast.deliver(client));
            }
            if slice::is_over() {
                (last, progress) = (*id, Progress::SliceOver);
                break;
            }
        }
        self.delivered_up_to.store(last.0, Ordering::Relaxed);
        // All members belong to the same resource. Like the queue, they all belong to one worker.
        if let Some((_, (_, any))) = all.first_key_value() {
            any.metrics().worker.delivered(queued);
        }
        progress
    }
}

impl Members {
    pub(super) fn insert(&self, client: Arc<Client>, queue: &DeliveryQueue) {
        let first = queue.state.lock().next;
        if self.all.lock().insert(client.id(), (first, client)).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn remove(&self, client: ClientId) {
        if self.all.lock().remove(&client).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn contains(&self, client: ClientId) -> bool {
        self.all.lock().contains_key(&client)
    }

    /// Returns all members, lowest id first.
    pub(super) fn all(&self) -> Vec<Arc<Client>> {
        self.all.lock().values().map(|(_, client)| Arc::clone(client)).collect()
    }
}

impl QueuedBroadcast {
    /// Creates the handle of a broadcast that was queued for `member_count` clients on all workers. If the caller runs
    /// on a worker with members, `local` is a pair: that worker's queue, and the broadcast's number in that queue.
    pub(super) fn new(member_count: usize, local: Option<(Arc<DeliveryQueue>, u64)>) -> Self {
        Self { member_count, local }
    }

    /// Returns the number of members on all workers.
    pub(crate) fn members(&self) -> usize {
        self.member_count
    }

    /// Delivers to the members on this worker until the slice is over. Until this returns [`Progress::Done`], the
    /// caller must do nothing else for the event, because the effects of an event must keep their order.
    pub(crate) fn deliver(&self) -> Progress {
        let Some((queue, number)) = &self.local else { return Progress::Done };
        let Some(front) = queue.state.lock().deliveries.front().cloned() else {
            return Progress::Done;
        };
        if front.number > *number {
            return Progress::Done;
        }
        if front.number < *number {
            queue.start_delivery();
            return Progress::Queued;
        }
        queue.deliver(&front)
    }

    /// Delivers to all members on this worker. Returns the number of members on all workers.
    pub(super) async fn deliver_all(self) -> usize {
        while self.deliver() != Progress::Done {
            slice::yield_now().await;
        }
        self.members()
    }
}

impl Drop for QueuedBroadcast {
    fn drop(&mut self) {
        if let Some((queue, number)) = &self.local {
            let state = queue.state.lock();
            let is_delivered = state.deliveries.front().is_none_or(|front| front.number > *number);
            drop(state);
            if !is_delivered {
                queue.start_delivery();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn publishers_that_wait_for_capacity_continue_one_after_the_other() {
        let queue = Arc::new(DeliveryQueue::new(Handle::current()));
        let members = Arc::<Members>::default();
        let broadcast =
            Arc::new(Broadcast::send(SharedMessage::binary(&vec![0; MAX_QUEUED_BYTES]), &[]));
        let mut publishers = JoinSet::new();
        for _ in 0..20 {
            let (queue, members, broadcast) =
                (Arc::clone(&queue), Arc::clone(&members), Arc::clone(&broadcast));
            publishers.spawn(async move {
                queue.wait_for_capacity().await;
                queue.push(members, broadcast);
                let queued = queue.state.lock().deliveries.len();
                queue.start_delivery();
                queued
            });
        }
        let most = publishers.join_all().await.into_iter().max();
        assert_eq!(most, Some(1), "more than fits into the queue");
    }
}
