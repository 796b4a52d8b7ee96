//! The WebSocket protocol (RFC 6455, its compression in RFC 7692, its handshake over HTTP/2 in RFC 8441,
//! and drafts of it) as state machines without I/O and without a clock.
//!
//! # Opening handshake
//!
//! [`handshake::server`] turns a parsed HTTP request into an [`Upgrade`](handshake::server::Upgrade)
//! or a [`Rejection`](handshake::Rejection) that knows its HTTP status; [`handshake::client`] makes
//! the request and checks the answer. Parsing HTTP itself is left to an HTTP library.
//! Over HTTP/2 that is [`check_http2`](handshake::server::check_http2) and
//! [`Http2Handshake`](handshake::client::Http2Handshake); the frames are the same.
//! [`handshake::Origins`] tells which pages may connect, [`handshake::forwarded`] who the client
//! behind a proxy is.
//!
//! # An open connection
//!
//! A connection is two machines, one for each direction, so that what was received can be lent to
//! the application while the application sends:
//!
//! ```text
//!  octets from the peer ─▶ Inbound::handle_input ─▶ Event    (a message, a pong, the end)
//!                                │ pong, close
//!                                ▼
//!  send_text, ping, close ─▶ Outbound ─▶ Buf::chunk, Buf::advance ─▶ octets to the peer
//! ```
//!
//! 1. Hand every octet that arrives to [`Inbound::handle_input`] until it answers `None`: then the
//!    input is used up. It unmasks in place and lends a message straight from the input when it can.
//! 2. Act on each [`Event`]. [`Event::Closed`] and [`Event::Failed`] are the last one.
//! 3. Send through [`Outbound`], at any time, until it is closing.
//! 4. Write what [`Outbound`] holds: it is a [`bytes::Buf`].
//!
//! The state of a connection, as RFC 6455 §7 tells it:
//!
//! ```text
//!            ┌──────┐  Outbound::close        ┌─────────┐  close frame received
//!            │ Open ├────────────────────────▶│ Closing ├─────────────────────┐
//!            └──┬───┘                         └────┬────┘                     ▼
//!               │ close frame received: answered   │ protocol error       ┌────────┐
//!               ├──────────────────────────────────┼─────────────────────▶│ Closed │
//!               │ protocol error: close frame sent │                      └────────┘
//!               └──────────────────────────────────┘
//! ```
//!
//! # Compression
//!
//! Where a handshake has agreed on permessage-deflate, both machines are told
//! ([`Inbound::use_deflate`], [`Outbound::use_deflate`]). Each message may choose whether it is
//! compressed ([`Form`]). Events are the same as without. [`deflate`] tells what it costs.
//!
//! # Drafts
//!
//! Drafts 07 to 12 differ from the RFC in their handshake only
//! ([`handshake::Versions`]). Draft 00 has a handshake
//! ([`check_draft00`](handshake::server::check_draft00)) and a framing of its own
//! ([`Inbound::draft00`], [`Outbound::draft00`]), with the same events and the same methods; what
//! it cannot carry is [`SendError::Unsupported`].
//!
//! # Whose fault it is
//!
//! What the peer does wrong never is an `Err`: it is answered with the close frame that the RFC
//! asks for and reported as [`Event::Failed`]. What the caller does wrong, or cannot have, is the
//! `Err` of the call ([`SendError`], [`CloseFrameError`]).

#![forbid(unsafe_code)]

mod check;
mod close;
mod close_code;
pub mod deflate;
mod draft00;
mod error;
mod event;
mod farewell;
mod form;
mod frame;
mod framing;
pub mod handshake;
mod inbound;
mod input;
mod limits;
mod mask;
mod message;
mod outbound;
mod queue;
mod replies;
mod shared;
mod spare;
mod utf8;

#[cfg(test)]
mod tests;

pub use close::{CloseFrame, CloseFrameError, MAX_CLOSE_REASON};
pub use close_code::{CloseCode, CloseCodeError};
pub use deflate::{Deflate, PerMessageDeflate};
pub use error::{ProtocolError, SendError};
pub use event::Event;
pub use form::{Compression, Form};
pub use frame::{MAX_CONTROL_PAYLOAD, MAX_HEADER};
pub use framing::MaskKeys;
pub use inbound::Inbound;
pub use limits::Limits;
pub use outbound::Outbound;
pub use replies::Replies;
pub use shared::SharedMessage;
pub use spare::{recycle, release_memory};

/// Which end of a connection a machine is (RFC 6455 §5.1: a client masks, a server does not).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends unmasked frames and fails a connection on an unmasked one.
    Server,
    /// Sends masked frames and fails a connection on a masked one.
    Client,
}
