//! The scheme by which a client reached the server.

/// Whether the client's connection is encrypted, as the client sees it: a proxy may have taken the
/// encryption off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http` and `ws`.
    #[default]
    Http,
    /// `https` and `wss`.
    Https,
}

impl Scheme {
    /// A scheme by its name, in any case of letters. `ws` and `wss` are taken too: some proxies tell
    /// those of a WebSocket.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match () {
            () if is("http") || is("ws") => Some(Self::Http),
            () if is("https") || is("wss") => Some(Self::Https),
            () => None,
        }
    }

    /// The scheme of a request over HTTP.
    pub(crate) fn of_http(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The scheme of a WebSocket's URI (RFC 6455 §3).
    pub(crate) fn of_websocket(self) -> &'static str {
        match self {
            Self::Http => "ws",
            Self::Https => "wss",
        }
    }
}
