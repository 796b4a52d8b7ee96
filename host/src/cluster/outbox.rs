//! Messages that wait to be sent to the broker. Workers put messages in and never wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use ws_host_protocol::{Form, SharedMessage};

use super::counters::{Counters, Dropped};
use crate::ownership::Ownership;

/// The maximum number of bytes that may wait. Messages beyond this are dropped.
const MAX_BYTES: usize = 8 << 20;

/// The cost of a message in addition to its payload, in bytes.
const OVERHEAD: usize = 256;

/// The maximum number of messages that are taken at once, and the total cost after which no more are taken.
const MAX_TAKEN: (usize, usize) = (64, 256 << 10);

/// How long a host may take to send the waiting messages when it stops or gives up an actor.
pub(super) const MAX_FLUSH: Duration = Duration::from_secs(1);

/// Messages for other hosts.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    has_work: Notify,
    /// The number of messages that were taken but are not sent yet.
    taken: AtomicUsize,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<QueuedMessage>,
    /// The cost of the messages that wait, and of those that were taken but are not sent yet.
    bytes: usize,
    /// The maximum size of a payload that the broker accepts, in bytes. `None`: there is no connection.
    max_payload: Option<usize>,
    /// The tasks that wait until everything has been sent. Each task is woken through its sender.
    flushes: Vec<oneshot::Sender<()>>,
}

/// A message for other hosts.
#[derive(Debug)]
pub(super) struct QueuedMessage {
    pub(super) resource: Arc<str>,
    pub(super) topic: Box<str>,
    pub(super) is_text: bool,
    pub(super) form: Form,
    pub(super) payload: Bytes,
    /// The right to run the actor that has published the message, if the actor is unique in the cluster. Until the
    /// message is sent, the right is not given back, so no other host owns the actor.
    publisher: Option<Arc<dyn Ownership>>,
}

/// How many messages of a batch were sent, and how many were left out because this host no longer owned the actors that
/// had published them. All other messages of the batch were lost with the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) sent: usize,
    pub(super) not_owned: usize,
}

/// The next work for the connection.
#[derive(Debug)]
pub(super) enum Work {
    Send(Vec<QueuedMessage>),
    /// Flush everything that has been taken so far. Then signal the senders, so that the tasks that wait are woken.
    Flush(Vec<oneshot::Sender<()>>),
}

impl QueuedMessage {
    /// Returns whether the message may still be sent. If an owned actor has published it, this host must still own that
    /// actor. Must be called just before the message is sent, because the host may have been paused while the message
    /// waited.
    pub(super) fn may_be_sent(&self) -> bool {
        self.publisher.as_ref().is_none_or(|publisher| publisher.is_held())
    }

    fn cost(&self) -> usize {
        self.payload.len() + self.topic.len() + OVERHEAD
    }
}

impl Outbox {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        let (state, has_work) = (Mutex::default(), Notify::new());
        Self { state, has_work, taken: AtomicUsize::new(0), counters }
    }

    /// Puts a message in. If that is not possible, drops and counts it.
    pub(super) fn put(
        &self,
        resource: &Arc<str>,
        topic: &str,
        message: &SharedMessage,
        publisher: Option<&Arc<dyn Ownership>>,
    ) {
        let mut state = self.state.lock();
        let Some(max_payload) = state.max_payload else {
            return self.counters.add_dropped(Dropped::Link, 1);
        };
        let payload = message.to_payload();
        if payload.len() > max_payload {
            return self.counters.add_dropped(Dropped::TooLong, 1);
        }
        let message = QueuedMessage {
            resource: Arc::clone(resource),
            topic: topic.into(),
            is_text: message.is_text(),
            form: message.form(),
            payload,
            publisher: publisher.cloned(),
        };
        let cost = message.cost();
        if state.bytes + cost > MAX_BYTES {
            return self.counters.add_dropped(Dropped::Full, 1);
        }
        state.bytes += cost;
        let was_empty = state.messages.is_empty();
        state.messages.push_back(message);
        drop(state);
        if was_empty {
            self.has_work.notify_one();
        }
    }

    /// Starts to accept messages, because there is a connection now.
    pub(super) fn open(&self, max_payload: usize) {
        self.state.lock().max_payload = Some(max_payload);
    }

    /// Stops accepting messages, and drops those that wait.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        let State { messages, flushes, .. } = std::mem::take(&mut *state);
        drop(state);
        let taken = self.taken.swap(0, Ordering::Relaxed);
        self.counters.add_dropped(Dropped::Link, messages.len() + taken);
        for done in flushes {
            // Sending fails if the waiting task has given up.
            let _ = done.send(());
        }
    }

    /// Waits for something to do.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn work(&self) -> Work {
        loop {
            {
                let mut state = self.state.lock();
                let taken = state.take();
                if !taken.is_empty() {
                    self.taken.store(taken.len(), Ordering::Relaxed);
                    return Work::Send(taken);
                }
                if !state.flushes.is_empty() {
                    return Work::Flush(std::mem::take(&mut state.flushes));
                }
            }
            self.has_work.notified().await;
        }
    }

    /// Records the outcome of the messages that were taken, and makes room for others.
    pub(super) fn done(&self, messages: &[QueuedMessage], Sent { sent, not_owned }: Sent) {
        self.taken.store(0, Ordering::Relaxed);
        self.counters.add_sent(sent);
        self.counters.add_dropped(Dropped::NotOwner, not_owned);
        self.counters.add_dropped(Dropped::Link, messages.len() - sent - not_owned);
        self.state.lock().bytes -= cost(messages);
    }

    /// Waits until all queued messages have been sent, or the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// Messages are sent even if the future is dropped.
    pub(super) async fn flush(&self) {
        let (sender, done) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.max_payload.is_none() {
                return;
            }
            state.flushes.push(sender);
        }
        self.has_work.notify_one();
        // Receiving fails if the connection has ended.
        let _ = done.await;
    }
}

impl State {
    fn take(&mut self) -> Vec<QueuedMessage> {
        let (max_count, enough) = MAX_TAKEN;
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < max_count
            && bytes < enough
            && let Some(message) = self.messages.pop_front()
        {
            bytes += message.cost();
            taken.push(message);
        }
        taken
    }
}

fn cost(messages: &[QueuedMessage]) -> usize {
    messages.iter().map(QueuedMessage::cost).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::ownership::Holding;

    fn outbox() -> (Outbox, Arc<Counters>) {
        let counters = Arc::<Counters>::default();
        (Outbox::new(Arc::clone(&counters)), counters)
    }

    fn put(outbox: &Outbox, bytes: usize) {
        outbox.put(&"chat".into(), "news", &SharedMessage::binary(&vec![0; bytes]), None);
    }

    /// The right to run an actor, which may end at any time.
    #[derive(Debug, Default)]
    struct Right {
        is_over: AtomicBool,
    }

    impl Ownership for Right {
        fn holding(&self) -> Holding {
            match self.is_over.load(Ordering::Relaxed) {
                false => Holding::Held,
                true => Holding::Lapsed,
            }
        }

        fn take(&self) -> bool {
            true
        }

        fn end(&self) {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn message_of_an_actor_that_has_ended_meanwhile_is_not_sent() {
        let (outbox, counters) = outbox();
        outbox.open(1000);
        let rights: [Arc<dyn Ownership>; 2] = [Arc::<Right>::default(), Arc::<Right>::default()];
        for publisher in [Some(&rights[0]), Some(&rights[1]), None] {
            outbox.put(&"chat".into(), "news", &SharedMessage::text("a"), publisher);
        }
        let Work::Send(taken) = outbox.work().await else { panic!("a message waits") };
        assert!(taken.iter().all(QueuedMessage::may_be_sent));
        rights[0].end();
        let may: Vec<bool> = taken.iter().map(QueuedMessage::may_be_sent).collect();
        assert_eq!(may, [false, true, true]);
        // The third message was lost with the connection.
        outbox.done(&taken, Sent { sent: 1, not_owned: 1 });
        let dropped = counters.dropped();
        assert_eq!((counters.sent(), dropped["not-owner"], dropped["link"]), (1, 1, 1));
        drop(taken);
        assert_eq!(Arc::strong_count(&rights[1]), 1, "it can be given back");
    }

    #[tokio::test]
    async fn messages_are_dropped_and_counted_unless_there_is_a_connection() {
        let (outbox, counters) = outbox();
        put(&outbox, 1);
        assert_eq!(counters.dropped()["link"], 1);
        outbox.open(1000);
        put(&outbox, 1000);
        put(&outbox, 1001);
        assert_eq!(counters.dropped()["too-long"], 1);
        put(&outbox, 1);
        outbox.close();
        assert_eq!(counters.dropped()["link"], 3);
        put(&outbox, 1);
        assert_eq!(counters.dropped()["link"], 4);
    }

    #[tokio::test]
    async fn messages_beyond_the_bound_are_dropped_until_others_were_sent() {
        let (outbox, counters) = outbox();
        outbox.open(usize::MAX);
        put(&outbox, MAX_BYTES / 2);
        put(&outbox, MAX_BYTES / 2);
        assert_eq!(counters.dropped()["full"], 1);
        let Work::Send(taken) = outbox.work().await else { panic!("a message waits") };
        put(&outbox, MAX_BYTES / 2);
        assert_eq!(counters.dropped()["full"], 2, "what is being sent counts");
        outbox.done(&taken, Sent { sent: taken.len(), not_owned: 0 });
        assert_eq!(counters.sent(), 1);
        put(&outbox, MAX_BYTES / 2);
        assert_eq!(counters.dropped()["full"], 2);
        let Work::Send(_) = outbox.work().await else { panic!("a message waits") };
        outbox.close();
        assert_eq!(counters.dropped()["link"], 1, "what was being sent is lost");
    }

    #[tokio::test]
    async fn flush_comes_after_the_messages_and_ends_with_the_connection() {
        let (outbox, _) = outbox();
        outbox.flush().await;
        outbox.open(1000);
        put(&outbox, 1);
        let steps = async {
            assert!(matches!(outbox.work().await, Work::Send(taken) if taken.len() == 1));
            let Work::Flush(flushes) = outbox.work().await else { panic!("a task waits") };
            for done in flushes {
                let _ = done.send(());
            }
        };
        tokio::join!(outbox.flush(), steps);
        let ended = async {
            tokio::task::yield_now().await;
            outbox.close();
        };
        tokio::join!(outbox.flush(), ended);
    }
}
