//! HTTP requests that handlers send, and WebSockets that they open.
//!
//! ```text
//! HttpClient   the granted servers, the limits, and a pool of connections for each worker
//! WebSocketClient   the granted servers, and the handshake
//!   └─ Connector    resolves a name, checks its addresses, connects to one of them, and begins TLS
//! ```

mod addresses;
mod client;
mod connector;
mod error;
mod resolver;
mod response_body;
mod stream;
mod tls;
mod websocket;

pub(crate) use self::client::{HttpClient, HttpSettings};
pub(crate) use self::error::RequestError;
pub(crate) use self::websocket::{OpenedWebSocket, WebSocketClient, WebSocketRequest};
