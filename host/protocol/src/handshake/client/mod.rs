//! The client side of the opening handshake, over HTTP/1.1 (RFC 6455 §4.1) and over HTTP/2 (RFC 8441 §5).

mod http1;
mod http2;
mod offer;

use http::StatusCode;

pub use self::http1::Handshake;
pub use self::http2::Http2Handshake;
use super::ParameterError;
use crate::deflate::PerMessageDeflate;

/// The parts of the offer that the server accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The chosen subprotocol.
    pub subprotocol: Option<String>,
    /// permessage-deflate, if it was offered and accepted. Pass it to
    /// [`Inbound::use_deflate`](crate::Inbound::use_deflate) and
    /// [`Outbound::use_deflate`](crate::Outbound::use_deflate).
    pub deflate: Option<PerMessageDeflate>,
}

/// The reason why a response does not open a WebSocket. The client must then close the connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server rejects the request, redirects, or asks for authentication: the status is not 101 (over HTTP/2: not
    /// 200 to 299).
    #[error("the server answered {0} and did not open a WebSocket")]
    Status(StatusCode),
    /// `Upgrade` must be `websocket`.
    #[error("the response lacks \"Upgrade: websocket\"")]
    UpgradeMissing,
    /// `Connection` must have the token `Upgrade`.
    #[error("the response lacks \"Connection: Upgrade\"")]
    ConnectionMissing,
    /// The accept key is missing, or does not belong to this client's key.
    #[error("the Sec-WebSocket-Accept header is missing or does not match the request's key")]
    AcceptMismatch,
    /// §9.1: the list of extensions is malformed.
    #[error("the Sec-WebSocket-Extensions header is malformed")]
    ExtensionsMalformed,
    /// The server chose an extension that was not offered, or more than one.
    #[error("the server chose an extension that was not offered")]
    ExtensionNotOffered,
    /// RFC 7692 §7.1: the server accepted permessage-deflate in a way that was not offered.
    #[error("the server accepted permessage-deflate with parameters that were not offered")]
    Deflate(#[from] ParameterError),
    /// The server chose a subprotocol that was not offered, or more than one.
    #[error("the server chose a subprotocol that was not offered")]
    SubprotocolNotOffered,
}
