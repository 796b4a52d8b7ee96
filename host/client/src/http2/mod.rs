//! Connections that carry many WebSockets (RFC 8441).

mod connection;
mod driver;

pub use self::connection::Http2Connection;
