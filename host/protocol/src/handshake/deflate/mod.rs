//! The negotiation of permessage-deflate (RFC 7692 §7.1).

mod client;
mod parameters;
mod server;

pub use parameters::ParameterError;
pub(super) use parameters::Parameters;
