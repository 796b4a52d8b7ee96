//! The way of published messages to one worker.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use ws_host_protocol::SharedMessage;

use crate::clients::{Client, ClientId};
use crate::running::Running;
use crate::slice;

/// How many octets may wait to be delivered on a worker. Whoever wants to publish more waits.
const MAX_WAITING: usize = 16 << 20;

/// What a message counts beside its octets.
const OVERHEAD: usize = 256;

/// Messages on their way to the subscribers of one worker, in their order. Only tasks of the worker deliver, so
/// that a message is delivered to one subscriber by one of them at a time.
#[derive(Debug)]
pub(super) struct Post {
    worker: Handle,
    queue: Mutex<Queue>,
    has_room: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    parcels: VecDeque<Arc<Parcel>>,
    /// The number of the next message.
    next: u64,
    octets: usize,
    /// Whether there is a task that delivers until nothing is left.
    is_attended: bool,
}

/// One message to the subscribers of a topic.
#[derive(Debug)]
struct Parcel {
    number: u64,
    to: Arc<Subscribers>,
    message: Arc<SharedMessage>,
    apart_from: Option<ClientId>,
    /// The last subscriber that has had it, or 0.
    had: AtomicU64,
}

/// The subscribers of a topic on one worker, each with the number of the first message that it gets.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    /// A delivery holds it for as long as a slice. Others who want it are nearly always tasks of the worker: clients are
    /// subscribed and mostly forgotten there.
    all: Mutex<BTreeMap<ClientId, (u64, Arc<Client>)>>,
    count: AtomicUsize,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Every subscriber of this worker has had the message.
    Done,
    /// It goes on, but others of the worker are first.
    SliceIsOver,
    /// Messages of others are before it. Somebody delivers them.
    Behind,
}

/// A message that is on its way. Dropped before it is delivered on this worker, it is delivered nonetheless.
#[derive(Debug)]
pub(crate) struct Published {
    subscribers: usize,
    here: Option<(Arc<Post>, u64)>,
}

impl Post {
    pub(super) fn new(worker: Handle) -> Self {
        Self { worker, queue: Mutex::default(), has_room: Notify::new() }
    }

    pub(super) fn worker(&self) -> &Handle {
        &self.worker
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue.lock().octets >= MAX_WAITING
    }

    /// Waits until it is not full. Whoever puts a message into it at once is not one of many who do: each looks again.
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

    /// Gives the number of the message. The caller has it delivered, or attended to.
    pub(super) fn put(
        &self,
        to: Arc<Subscribers>,
        message: Arc<SharedMessage>,
        apart_from: Option<ClientId>,
    ) -> u64 {
        let mut queue = self.queue.lock();
        let number = queue.next;
        queue.next += 1;
        queue.octets += cost(&message);
        let had = AtomicU64::new(0);
        queue.parcels.push_back(Arc::new(Parcel { number, to, message, apart_from, had }));
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
            let Some(parcel) = next else { return };
            if self.deliver(&parcel) == Progress::SliceIsOver {
                slice::pass_on().await;
            }
        }
    }

    /// Delivers the message at the front of the queue.
    fn deliver(&self, parcel: &Parcel) -> Progress {
        if parcel.deliver() == Progress::SliceIsOver {
            return Progress::SliceIsOver;
        }
        let mut queue = self.queue.lock();
        // Another task may have been there before.
        if queue.parcels.front().is_some_and(|front| front.number == parcel.number) {
            queue.parcels.pop_front();
            queue.octets -= cost(&parcel.message);
            self.has_room.notify_waiters();
        }
        Progress::Done
    }
}

fn cost(message: &SharedMessage) -> usize {
    message.frame_length() + OVERHEAD
}

impl Parcel {
    fn deliver(&self) -> Progress {
        let all = self.to.all.lock();
        let had = ClientId(self.had.load(Ordering::Relaxed));
        for (id, (first, client)) in all.range((Excluded(had), Unbounded)) {
            if *first <= self.number && Some(*id) != self.apart_from {
                // For one that has no room, or closes, it is as if it had not been sent.
                let _ = client.send_shared(&self.message);
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

impl Subscribers {
    pub(super) fn insert(&self, client: Arc<Client>, post: &Post) {
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
}

impl Published {
    /// One that goes to so many, and that this worker has a queue for, perhaps, where it has this number.
    pub(super) fn new(subscribers: usize, here: Option<(Arc<Post>, u64)>) -> Self {
        Self { subscribers, here }
    }

    /// To how many subscribers it goes, on all workers.
    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers
    }

    /// Delivers it to the subscribers of this worker, until the slice is over. Until this is done, nothing else of
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
        let post = Arc::new(Post::new(Handle::current()));
        let to = Arc::<Subscribers>::default();
        let message = Arc::new(SharedMessage::binary(&vec![0; MAX_WAITING]));
        let mut publishers = JoinSet::new();
        for _ in 0..20 {
            let (post, to, message) = (Arc::clone(&post), Arc::clone(&to), Arc::clone(&message));
            publishers.spawn(async move {
                post.room().await;
                post.put(to, message, None);
                let waiting = post.queue.lock().parcels.len();
                post.attend();
                waiting
            });
        }
        let most = publishers.join_all().await.into_iter().max();
        assert_eq!(most, Some(1), "more than the queue has room for");
    }
}
