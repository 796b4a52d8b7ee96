//! The interface that the cluster needs from a broker. All of it runs on the cluster's thread, in the runtime of one
//! connection. When the connection ends, the runtime is dropped with all its tasks.

use std::sync::Arc;

use super::interest::{Interest, Key};
use super::outbox::{QueuedMessage, Sent};
use super::shared::Shared;

/// A kind of broker, and the way to reach it.
pub(super) trait Broker: Send + 'static {
    type Session: Session;

    /// Connects to one of the servers.
    ///
    /// # Errors
    ///
    /// A message that says which server cannot be used, and why.
    async fn connect(&self, shared: &Arc<Shared>, connection: u32)
    -> Result<Self::Session, String>;
}

/// A connection to a broker. It never reconnects automatically.
pub(super) trait Session {
    /// Returns the server, for the operator: its URL without credentials, and its version.
    fn server(&self) -> String;

    /// Returns the maximum size of a payload that the server accepts, in bytes.
    fn max_payload(&self) -> usize;

    /// Sends messages, and waits until the operating system has taken them. If the connection has ended, the messages
    /// are lost. Leaves out the messages of actors that this host [may no longer run](QueuedMessage::may_be_sent).
    async fn publish(&self, messages: &[QueuedMessage]) -> Sent;

    /// Begins to pass the messages of a topic to [`Shared::receive`].
    async fn join(&self, interest: Arc<Interest>);

    /// Ends what [`join`](Self::join) began for a topic.
    fn leave(&self, key: &Key);

    /// Begins to pass the announcements of hosts to [`Shared::hear`]. Does nothing if the server does not permit it.
    async fn listen_to_hosts(&self);

    /// Announces this host to the hosts of all clusters.
    async fn announce(&self);

    /// Waits until the server has read everything that was sent.
    async fn sync(&self);

    /// Waits until the connection has ended. Returns the reason.
    async fn ended(&self) -> String;
}
