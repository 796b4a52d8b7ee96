//! Which version of HTTP a WebSocket is opened over.

use std::fmt;

/// The version of HTTP that a WebSocket is opened over. What goes on afterwards is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.1 (RFC 6455), which every server speaks.
    #[default]
    Http1,
    /// HTTP/2 (RFC 8441). For a `ws` URL the server must be known to speak it: there is nothing that
    /// it could be asked by (RFC 9113 §3.3).
    Http2,
    /// For a `wss` URL HTTP/2 if the server has it and opens WebSockets over it, otherwise HTTP/1.1. A
    /// server that chooses HTTP/2 and turns out to open none costs a second connection. For a `ws` URL
    /// HTTP/1.1.
    Either,
}

impl HttpVersion {
    /// The names in ALPN (RFC 7301, RFC 9113 §3.2), the best one first.
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
