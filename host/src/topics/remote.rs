//! The route to subscribers on other hosts.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use ws_host_protocol::SharedMessage;

use crate::ownership::Ownership;

/// The other hosts that serve the same resource. Except for [`flush`](Self::flush), the methods must not block, because
/// workers call them while they hold the locks of topics.
pub(crate) trait Remote: Debug + Send + Sync {
    /// Called when a topic gets its first subscriber on this host.
    fn join(&self, topic: &str);

    /// Called when a topic loses its last subscriber on this host.
    fn leave(&self, topic: &str);

    /// Sends a message to the subscribers on all other hosts. If it cannot be sent now, it is dropped and counted.
    /// `publisher` is the right to run the publishing actor, if that actor is unique in the cluster. If this host no
    /// longer has the right when it is about to send the message, the message is dropped, too.
    fn publish(&self, topic: &str, message: &SharedMessage, publisher: Option<&Arc<dyn Ownership>>);

    /// Waits until everything that was published has reached the broker, but only for a short time.
    ///
    /// # Cancel safety
    ///
    /// Messages are sent even if the future is dropped.
    fn flush(&self) -> Flushing<'_>;
}

/// Messages that are on their way to the broker.
pub(crate) type Flushing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
