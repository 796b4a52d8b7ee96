//! The version of HTTP over which a WebSocket is opened.

use std::fmt;

/// The version of HTTP over which a WebSocket is opened. After the handshake, the version makes no difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.1 (RFC 6455), which every server speaks.
    #[default]
    Http1,
    /// HTTP/2 (RFC 8441). With a `ws` URL, you must know that the server speaks HTTP/2, because there is no negotiation
    /// (RFC 9113 §3.3).
    Http2,
    /// With a `wss` URL: HTTP/2 if the server supports WebSockets over HTTP/2, and otherwise HTTP/1.1. If a server
    /// chooses HTTP/2 but does not support WebSockets over it, the client makes a second connection. With a `ws` URL:
    /// HTTP/1.1.
    Either,
}

impl HttpVersion {
    /// Returns the ALPN names (RFC 7301, RFC 9113 §3.2), the preferred one first.
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[Self::ALPN_HTTP2],
            Self::Either => &[Self::ALPN_HTTP2, b"http/1.1"],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }

    pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
}

impl fmt::Display for HttpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Either => "HTTP/2 or HTTP/1.1",
        })
    }
}
