//! Messages that wait to be sent to the broker. Workers put messages in and never wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use ws_host_protocol::{Form, SharedMessage};

use super::counters::{Counters, Dropped};

/// The maximum number of bytes that may wait. Messages beyond this are dropped.
const MAX_BYTES: usize = 8 << 20;

/// The cost of a message in addition to its payload, in bytes.
const OVERHEAD: usize = 256;

/// The maximum number of messages that are taken at once, and the total cost after which no more are taken.
const MAX_TAKEN: (usize, usize) = (64, 256 << 10);

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
    /// The senders for the tasks that wait until everything has been sent.
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
}

/// The next work for the connection.
#[derive(Debug)]
pub(super) enum Work {
    Send(Vec<QueuedMessage>),
    /// Everything that has been taken so far must be flushed. Then these senders must be signaled.
    Flush(Vec<oneshot::Sender<()>>),
}

impl QueuedMessage {
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
    pub(super) fn put(&self, resource: &Arc<str>, topic: &str, message: &SharedMessage) {
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

    /// Records that the taken messages have been sent, so that there is room for others.
    pub(super) fn sent(&self, messages: &[QueuedMessage]) {
        self.taken.store(0, Ordering::Relaxed);
        self.counters.add_sent(messages.len());
        self.state.lock().bytes -= cost(messages);
    }

    /// Waits until everything that was put in has been sent, or the connection has ended.
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
    use super::*;

    fn outbox() -> (Outbox, Arc<Counters>) {
        let counters = Arc::<Counters>::default();
        (Outbox::new(Arc::clone(&counters)), counters)
    }

    fn put(outbox: &Outbox, bytes: usize) {
        outbox.put(&"chat".into(), "news", &SharedMessage::binary(&vec![0; bytes]));
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
        outbox.sent(&taken);
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
