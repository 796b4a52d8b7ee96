//! Connections that carry many WebSockets (RFC 8441).

mod connection;
mod driver;
mod stream;

pub use self::connection::Http2Connection;
pub(crate) use self::stream::Http2Stream;
