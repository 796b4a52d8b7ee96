//! The opening handshake (RFC 6455 §4, its drafts, and RFC 8441 for HTTP/2). This module works on HTTP
//! messages that an HTTP library has parsed.

mod accept_key;
mod authority;
pub mod client;
mod deflate;
mod draft00;
mod extensions;
mod fields;
pub mod forwarded;
mod headers;
mod origin;
mod rejection;
mod scheme;
pub mod server;
mod version;

pub use deflate::ParameterError;
pub use fields::fields;
pub use headers::belongs_to_handshake;
pub use origin::{InvalidOrigin, Origins};
pub use rejection::Rejection;
pub use scheme::Scheme;
pub use version::{Version, Versions};
