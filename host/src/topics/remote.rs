//! The way to subscribers on other hosts.

use std::fmt::Debug;

use ws_host_protocol::SharedMessage;

/// The other hosts that serve the same resource. No call may wait, because workers make the calls while they hold locks
/// of topics.
pub(crate) trait Remote: Debug + Send + Sync {
    /// Called when a topic gets its first subscriber on this host.
    fn join(&self, topic: &str);

    /// Called when a topic loses its last subscriber on this host.
    fn leave(&self, topic: &str);

    /// Sends a message to the subscribers on all other hosts. If it cannot be sent now, it is dropped and counted.
    fn publish(&self, topic: &str, message: &SharedMessage);
}
