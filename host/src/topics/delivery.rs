//! The way of what is meant for many clients to one worker.

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

/// How many octets may wait to be delivered on a worker. Whoever wants to publish more waits.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// What a broadcast counts beside its octets.
const OVERHEAD: usize = 256;

/// Dispatches on their way to the clients of one worker, in their order. Only tasks of the worker deliver, so
/// that one is delivered to one client by one of them at a time.
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
    /// Whether there is a task that delivers until nothing is left.
    has_task: bool,
}

/// What is to be done with all members of a group but these.
#[derive(Debug)]
pub(super) struct Broadcast {
    action: Action,
    /// Sorted.
    except: Box<[ClientId]>,
}

#[derive(Debug)]
enum Action {
    Send(SharedMessage),
    Close(CloseFrame, Cause),
}

/// A broadcast for the members of one group.
#[derive(Debug)]
struct Delivery {
    number: u64,
    to: Arc<Members>,
    broadcast: Arc<Broadcast>,
    /// The last member that has had it, or 0.
    delivered_up_to: AtomicU64,
}

/// The members of a group on one worker, each with the number of the first broadcast that it gets.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// A delivery holds it for as long as a slice. Others who want it are nearly always tasks of the worker: clients are
    /// subscribed and mostly forgotten there.
    all: Mutex<BTreeMap<ClientId, (u64, Arc<Client>)>>,
    count: AtomicUsize,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Every member on this worker has had it.
    Done,
    /// It goes on, but others of the worker are first.
    SliceOver,
    /// Those of others are before it. Somebody delivers them.
    Queued,
}

/// A broadcast that is on its way. Dropped before it is delivered on this worker, it is delivered nonetheless.
#[derive(Debug)]
pub(crate) struct Publication {
    members: usize,
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

    /// Waits until it is not full. Whoever puts a broadcast into it at once is not one of many who do: each looks again.
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

    /// Gives the number of the broadcast. The caller has it delivered, or attended to.
    pub(super) fn push(&self, to: Arc<Members>, broadcast: Arc<Broadcast>) -> u64 {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.bytes += broadcast.cost();
        let delivered_up_to = AtomicU64::new(0);
        state.deliveries.push_back(Arc::new(Delivery { number, to, broadcast, delivered_up_to }));
        number
    }

    /// Has everything delivered that is in the queue, by a task of the worker.
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

    /// Delivers what is at the front of the queue.
    fn deliver(&self, delivery: &Delivery) -> Progress {
        if delivery.deliver() == Progress::SliceOver {
            return Progress::SliceOver;
        }
        let mut state = self.state.lock();
        // Another task may have been there before.
        if state.deliveries.front().is_some_and(|front| front.number == delivery.number) {
            state.deliveries.pop_front();
            state.bytes -= delivery.broadcast.cost();
            self.has_capacity.notify_waiters();
        }
        Progress::Done
    }
}

impl Broadcast {
    /// All but these are sent a message.
    pub(super) fn send(message: SharedMessage, except: &[ClientId]) -> Self {
        let mut except = Box::<[ClientId]>::from(except);
        except.sort_unstable();
        Self { action: Action::Send(message), except }
    }

    /// All are closed.
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

    fn deliver(&self, client: &Client) {
        if self.except.binary_search(&client.id()).is_ok() {
            return;
        }
        match &self.action {
            // For one that has no room, or closes, it is as if it had not been sent.
            Action::Send(message) => drop(client.send_shared(message)),
            Action::Close(frame, cause) => client.close_with(frame, *cause),
        }
    }
}

impl Delivery {
    fn deliver(&self) -> Progress {
        let all = self.to.all.lock();
        let delivered_up_to = ClientId(self.delivered_up_to.load(Ordering::Relaxed));
        for (id, (first, client)) in all.range((Excluded(delivered_up_to), Unbounded)) {
            if *first <= self.number {
                self.broadcast.deliver(client);
            }
            if slice::is_over() {
                self.delivered_up_to.store(id.0, Ordering::Relaxed);
                return Progress::SliceOver;
            }
        }
        self.delivered_up_to.store(u64::MAX, Ordering::Relaxed);
        Progress::Done
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

    /// All of them, lowest id first.
    pub(super) fn all(&self) -> Vec<Arc<Client>> {
        self.all.lock().values().map(|(_, client)| Arc::clone(client)).collect()
    }
}

impl Publication {
    /// One that goes to so many, and that this worker has a queue for, perhaps, where it has this number.
    pub(super) fn new(members: usize, local: Option<(Arc<DeliveryQueue>, u64)>) -> Self {
        Self { members, local }
    }

    /// How many members there are, on all workers.
    pub(crate) fn members(&self) -> usize {
        self.members
    }

    /// Delivers it to the members on this worker, until the slice is over. Until this is done, nothing else of
    /// the event may follow: what one event does takes effect in its order.
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
}

impl Drop for Publication {
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
    async fn who_waits_for_room_is_let_go_one_after_the_other() {
        let queue = Arc::new(DeliveryQueue::new(Handle::current()));
        let to = Arc::<Members>::default();
        let broadcast =
            Arc::new(Broadcast::send(SharedMessage::binary(&vec![0; MAX_QUEUED_BYTES]), &[]));
        let mut publishers = JoinSet::new();
        for _ in 0..20 {
            let (queue, to, broadcast) =
                (Arc::clone(&queue), Arc::clone(&to), Arc::clone(&broadcast));
            publishers.spawn(async move {
                queue.wait_for_capacity().await;
                queue.push(to, broadcast);
                let waiting = queue.state.lock().deliveries.len();
                queue.start_delivery();
                waiting
            });
        }
        let most = publishers.join_all().await.into_iter().max();
        assert_eq!(most, Some(1), "more than the queue has room for");
    }
}
