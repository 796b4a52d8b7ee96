//! What a WebSocket of a workload runs over.

use clap::ValueEnum;

/// The transport of a WebSocket, and its compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Channel {
    /// Upgraded from HTTP/1.1 over TCP.
    Plain,
    /// The same over TLS 1.3.
    Tls,
    /// Over TCP, with every message compressed on its own (RFC 7692).
    Deflate,
    /// All WebSockets as streams of one HTTP/2 connection (RFC 8441).
    Http2,
}

impl Channel {
    /// Returns its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Deflate => "deflate",
            Self::Http2 => "http2",
        }
    }
}
