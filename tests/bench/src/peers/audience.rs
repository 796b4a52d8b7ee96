//! Who hears a broadcast of a peer: a bounded queue for each connection.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages that may wait for a connection. Whoever lets more wait hears no more.
const QUEUE: usize = 64;

/// All connections. A clone of a message must be cheap: its octets are shared.
pub(super) struct Audience<T>(Arc<Mutex<Members<T>>>);

struct Members<T> {
    next: u64,
    queues: HashMap<u64, Sender<T>>,
}

/// A place in the audience.
pub(super) struct Seat<T> {
    number: u64,
    /// Where messages for this connection alone go too, so that they keep their order.
    pub(super) queue: Sender<T>,
}

impl<T: Clone> Audience<T> {
    /// Takes a seat; what goes to it comes out of the other end.
    pub(super) async fn enter(&self) -> (Seat<T>, Receiver<T>) {
        let (queue, messages) = channel(QUEUE);
        let mut members = self.0.lock().await;
        let number = members.next;
        members.next += 1;
        members.queues.insert(number, queue.clone());
        (Seat { number, queue }, messages)
    }

    /// Gives the seat up.
    pub(super) async fn leave(&self, seat: Seat<T>) {
        self.0.lock().await.queues.remove(&seat.number);
    }

    /// Sends to all.
    pub(super) async fn tell(&self, message: &T) {
        let mut members = self.0.lock().await;
        members.queues.retain(|_, queue| queue.try_send(message.clone()).is_ok());
    }
}

impl<T> Clone for Audience<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Audience<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Members { next: 0, queues: HashMap::new() })))
    }
}
