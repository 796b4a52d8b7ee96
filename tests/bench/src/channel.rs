//! What lies between the messages of a workload and TCP.

use clap::ValueEnum;

/// How WebSockets get to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Channel {
    /// An upgrade from HTTP/1.1 over TCP.
    Plain,
    /// The same over TLS 1.3.
    Tls,
    /// The same over TCP, with each message compressed for itself (RFC 7692).
    Deflate,
    /// All of them over one TCP connection, as streams of HTTP/2 (RFC 8441).
    Http2,
}

impl Channel {
    /// Its name on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Deflate => "deflate",
            Self::Http2 => "http2",
        }
    }
}
