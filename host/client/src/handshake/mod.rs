//! The opening handshake, over HTTP/1.1 (RFC 6455 §4.1) or HTTP/2 (RFC 8441 §5).

mod exchange;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod refusal;

use http::Version;
use http::header::HeaderMap;
use ws_host_protocol::PerMessageDeflate;
use ws_host_protocol::handshake::client::Accepted;

pub(crate) use self::exchange::Exchange;
use crate::stream::Stream;

/// The maximum size of a response head, in bytes. It is four times the limit that servers commonly have for a request.
pub(crate) const MAX_HEAD: u32 = 64 << 10;

/// A connection after the handshake.
pub(crate) struct Established {
    pub(crate) stream: Box<dyn Stream>,
    /// Bytes of frames that arrived together with the response to the handshake.
    pub(crate) early: Vec<u8>,
    pub(crate) opened: Opened,
}

/// The result of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The subprotocol that the server chose. It is one of those that were offered.
    pub subprotocol: Option<String>,
    /// How messages are compressed, if the server agreed to compression.
    pub compression: Option<PerMessageDeflate>,
    /// The HTTP version of the response: HTTP/1.1 or HTTP/2.
    pub http_version: Version,
    /// All headers of the response.
    pub headers: HeaderMap,
}

impl Opened {
    fn new(accepted: Accepted, response: http::response::Parts) -> Self {
        Self {
            subprotocol: accepted.subprotocol,
            compression: accepted.deflate,
            http_version: response.version,
            headers: response.headers,
        }
    }
}
