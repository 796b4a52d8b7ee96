//! WebSockets that handlers open: the request of the guest, and the interface to the code that carries out the request.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use crate::actor_resources::ActorResources;
use crate::clients::ClientId;
use crate::outgoing::{OpenedWebSocket, RequestError};

/// A WebSocket that a handler opens.
pub(crate) struct DialRequest {
    pub(crate) url: String,
    /// The path and the query of the URL.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) is_encrypted: bool,
    pub(crate) subprotocols: Vec<String>,
    /// Connects, and performs the handshake.
    pub(crate) connect: ConnectFuture,
}

/// Opens a connection.
pub(crate) type ConnectFuture =
    Pin<Box<dyn Future<Output = Result<OpenedWebSocket, RequestError>> + Send>>;

/// Why a handler cannot open a WebSocket now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialError {
    /// The actor or its resource has reached its limit on connections.
    TooMany,
    /// The resource is stopping.
    Stopping,
}

/// Opens the WebSockets of one actor. The layers above the guest implement it.
pub(crate) trait Dialer: Debug + Send + Sync {
    /// Begins to open a WebSocket. From then on, the WebSocket is one of the actor's connections, and messages can be
    /// sent to it.
    fn dial(
        &self,
        resources: &Arc<ActorResources>,
        request: DialRequest,
    ) -> Result<ClientId, DialError>;
}
