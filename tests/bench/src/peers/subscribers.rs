//! The subscribers of a peer's broadcasts, with a bounded queue for each connection.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages that may wait for a connection. A connection that falls further behind gets no more
/// broadcasts.
const QUEUE: usize = 64;

/// All subscribed connections. Cloning a message must be cheap, with shared bytes.
pub(super) struct Subscribers<T>(Arc<Mutex<Inner<T>>>);

struct Inner<T> {
    next: u64,
    queues: HashMap<u64, Sender<T>>,
}

/// A connection's subscription.
pub(super) struct Subscription<T> {
    number: u64,
    /// The connection's queue. Messages for only this connection also pass through it, so that they
    /// stay in order.
    pub(super) queue: Sender<T>,
}

impl<T: Clone> Subscribers<T> {
    /// Subscribes a connection. The receiver yields its messages.
    pub(super) async fn subscribe(&self) -> (Subscription<T>, Receiver<T>) {
        let (queue, messages) = channel(QUEUE);
        let mut inner = self.0.lock().await;
        let number = inner.next;
        inner.next += 1;
        inner.queues.insert(number, queue.clone());
        (Subscription { number, queue }, messages)
    }

    /// Removes a subscription.
    pub(super) async fn unsubscribe(&self, subscription: Subscription<T>) {
        self.0.lock().await.queues.remove(&subscription.number);
    }

    /// Sends a message to all subscribers.
    pub(super) async fn publish(&self, message: &T) {
        let mut inner = self.0.lock().await;
        inner.queues.retain(|_, queue| queue.try_send(message.clone()).is_ok());
    }
}

impl<T> Clone for Subscribers<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Subscribers<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner { next: 0, queues: HashMap::new() })))
    }
}
