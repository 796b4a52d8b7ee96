//! The opening handshake (RFC 6455 §4), on HTTP messages that an HTTP library has parsed.

mod accept_key;
pub mod client;
mod headers;
mod origin;
mod rejection;
pub mod server;

pub use origin::{InvalidOrigin, Origins};
pub use rejection::Rejection;

/// The version of the protocol that RFC 6455 defines.
pub const VERSION: u16 = 13;
