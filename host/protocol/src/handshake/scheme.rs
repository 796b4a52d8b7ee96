//! The URI scheme with which a client connected.

/// Whether the connection is encrypted from the client's point of view. A proxy may have terminated the encryption.
///
/// Exhaustive: RFC 6455 §3 defines these two, and callers base security decisions on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http` and `ws`.
    #[default]
    Http,
    /// `https` and `wss`.
    Https,
}

impl Scheme {
    /// Parses a scheme, ignoring case. Also accepts `ws` and `wss`, because some proxies send them for a WebSocket.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match () {
            () if is("http") || is("ws") => Some(Self::Http),
            () if is("https") || is("wss") => Some(Self::Https),
            () => None,
        }
    }

    /// Returns the scheme of an HTTP request.
    pub(crate) fn of_http(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Returns the scheme of a WebSocket URI (RFC 6455 §3).
    pub(crate) fn of_websocket(self) -> &'static str {
        match self {
            Self::Http => "ws",
            Self::Https => "wss",
        }
    }
}
