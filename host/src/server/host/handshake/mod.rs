//! Opening handshakes: the response to a client that asks for a WebSocket.
//!
//! [`admit`] answers a handshake. It accepts the client on this host, relays it to the host that owns its actor, or
//! refuses it.

mod admission;
mod attempt;
mod refusals;
mod refused_origin;
mod relay;

pub(in crate::server) use self::admission::admit;
pub(in crate::server) use self::attempt::log_unknown_path;
pub(in crate::server) use self::relay::{ELSEWHERE, REFUSED};
