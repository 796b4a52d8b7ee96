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
const MAX_WAITING: usize = 16 << 20;

/// What a dispatch counts beside its octets.
const OVERHEAD: usize = 256;

/// Dispatches on their way to the clients of one worker, in their order. Only tasks of the worker deliver, so
/// that one is delivered to one client by one of them at a time.
#[derive(Debug)]
pub(super) struct Outbox {
    worker: Handle,
    queue: Mutex<Queue>,
    has_room: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    parcels: VecDeque<Arc<Delivery>>,
    /// The number of the next dispatch.
    next: u64,
    bytes: usize,
    /// Whether there is a task that delivers until nothing is left.
    is_attended: bool,
}

/// What is to be done with all members of a group but these.
#[derive(Debug)]
pub(super) struct Dispatch {
    what: What,
    /// Sorted.
    except: Box<[ClientId]>,
}

#[derive(Debug)]
enum What {
    Send(SharedMessage),
    Close(CloseFrame, Cause),
}

/// A dispatch for the members of one group.
#[derive(Debug)]
struct Delivery {
    number: u64,
    to: Arc<Members>,
    dispatch: Arc<Dispatch>,
    /// The last member that has had it, or 0.
    had: AtomicU64,
}

/// The members of a group on one worker, each with the number of the first dispatch that it gets.
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
    SliceIsOver,
    /// Those of others are before it. Somebody delivers them.
    Behind,
}

/// A dispatch that is on its way. Dropped before it is delivered on this worker, it is delivered nonetheless.
#[derive(Debug)]
pub(crate) struct Published {
    members: usize,
    here: Option<(Arc<Outbox>, u64)>,
}

impl Outbox {
    pub(super) fn new(worker: Handle) -> Self {
        Self { worker, queue: Mutex::default(), has_room: Notify::new() }
    }

    pub(super) fn worker(&self) -> &Handle {
        &self.worker
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue.lock().bytes >= MAX_WAITING
    }

    /// Waits until it is not full. Whoever puts a dispatch into it at once is not one of many who do: each looks again.
    pub(super) async fn room(&self) {
        loop {
            let mut has_room = pin!(self.has_room.notified());
            has_room.as_mut().enable();
            if !self.is_full() {
                return;
            }
            has_room.await;
        }
    }

    /// Gives the number of the dispatch. The caller has it delivered, or attended to.
    pub(super) fn put(&self, to: Arc<Members>, dispatch: Arc<Dispatch>) -> u64 {
        let mut queue = self.queue.lock();
        let number = queue.next;
        queue.next += 1;
        queue.bytes += dispatch.cost();
        let had = AtomicU64::new(0);
        queue.parcels.push_back(Arc::new(Delivery { number, to, dispatch, had }));
        number
    }

    /// Has everything delivered that is in the queue, by a task of the worker.
    pub(super) fn attend(self: &Arc<Self>) {
        if !std::mem::replace(&mut self.queue.lock().is_attended, true) {
            Running::start(&self.worker, Arc::clone(self).deliver_all());
        }
    }

    async fn deliver_all(self: Arc<Self>) {
        loop {
            let next = {
                let mut queue = self.queue.lock();
                let next = queue.parcels.front().cloned();
                queue.is_attended = next.is_some();
                next
            };
            let Some(delivery) = next else { return };
            if self.deliver(&delivery) == Progress::SliceIsOver {
                slice::pass_on().await;
            }
        }
    }

    /// Delivers what is at the front of the queue.
    fn deliver(&self, delivery: &Delivery) -> Progress {
        if delivery.deliver() == Progress::SliceIsOver {
            return Progress::SliceIsOver;
        }
        let mut queue = self.queue.lock();
        // Another task may have been there before.
        if queue.parcels.front().is_some_and(|front| front.number == delivery.number) {
            queue.parcels.pop_front();
            queue.bytes -= delivery.dispatch.cost();
            self.has_room.notify_waiters();
        }
        Progress::Done
    }
}

impl Dispatch {
    /// All but these are sent a message.
    pub(super) fn send(message: SharedMessage, except: &[ClientId]) -> Self {
        let mut except = Box::<[ClientId]>::from(except);
        except.sort_unstable();
        Self { what: What::Send(message), except }
    }

    /// All are closed.
    pub(super) fn close(frame: CloseFrame, cause: Cause) -> Self {
        Self { what: What::Close(frame, cause), except: Box::default() }
    }

    fn cost(&self) -> usize {
        let bytes = match &self.what {
            What::Send(message) => message.frame_length(),
            What::Close(frame, _) => frame.reason().len(),
        };
        bytes + size_of_val(&*self.except) + OVERHEAD
    }

    fn deliver(&self, client: &Client) {
        if self.except.binary_search(&client.id()).is_ok() {
            return;
        }
        match &self.what {
            // For one that has no room, or closes, it is as if it had not been sent.
            What::Send(message) => drop(client.send_shared(message)),
            What::Close(frame, cause) => client.close_with(frame, *cause),
        }
    }
}

impl Delivery {
    fn deliver(&self) -> Progress {
        let all = self.to.all.lock();
        let had = ClientId(self.had.load(Ordering::Relaxed));
        for (id, (first, client)) in all.range((Excluded(had), Unbounded)) {
            if *first <= self.number {
                self.dispatch.deliver(client);
            }
            if slice::is_over() {
                self.had.store(id.0, Ordering::Relaxed);
                return Progress::SliceIsOver;
            }
        }
        self.had.store(u64::MAX, Ordering::Relaxed);
        Progress::Done
    }
}

impl Members {
    pub(super) fn insert(&self, client: Arc<Client>, post: &Outbox) {
        let first = post.queue.lock().next;
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

    pub(super) fn has(&self, client: ClientId) -> bool {
        self.all.lock().contains_key(&client)
    }

    /// All of them, lowest id first.
    pub(super) fn all(&self) -> Vec<Arc<Client>> {
        self.all.lock().values().map(|(_, client)| Arc::clone(client)).collect()
    }
}

impl Published {
    /// One that goes to so many, and that this worker has a queue for, perhaps, where it has this number.
    pub(super) fn new(members: usize, here: Option<(Arc<Outbox>, u64)>) -> Self {
        Self { members, here }
    }

    /// How many members there are, on all workers.
    pub(crate) fn members(&self) -> usize {
        self.members
    }

    /// Delivers it to the members on this worker, until the slice is over. Until this is done, nothing else of
    /// the event may follow: what one event does takes effect in its order.
    pub(crate) fn deliver(&self) -> Progress {
        let Some((post, number)) = &self.here else { return Progress::Done };
        let Some(front) = post.queue.lock().parcels.front().cloned() else { return Progress::Done };
        if front.number > *number {
            return Progress::Done;
        }
        if front.number < *number {
            post.attend();
            return Progress::Behind;
        }
        post.deliver(&front)
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if let Some((post, number)) = &self.here {
            let queue = post.queue.lock();
            let is_delivered = queue.parcels.front().is_none_or(|front| front.number > *number);
            drop(queue);
            if !is_delivered {
                post.attend();
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
        let post = Arc::new(Outbox::new(Handle::current()));
        let to = Arc::<Members>::default();
        let dispatch = Arc::new(Dispatch::send(SharedMessage::binary(&vec![0; MAX_WAITING]), &[]));
        let mut publishers = JoinSet::new();
        for _ in 0..20 {
            let (post, to, dispatch) = (Arc::clone(&post), Arc::clone(&to), Arc::clone(&dispatch));
            publishers.spawn(async move {
                post.room().await;
                post.put(to, dispatch);
                let waiting = post.queue.lock().parcels.len();
                post.attend();
                waiting
            });
        }
        let most = publishers.join_all().await.into_iter().max();
        assert_eq!(most, Some(1), "more than the queue has room for");
    }
}
