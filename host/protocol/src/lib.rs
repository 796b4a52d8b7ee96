//! The WebSocket protocol as state machines without I/O and without a clock: RFC 6455, compression (RFC 7692), the
//! handshake over HTTP/2 (RFC 8441) and several drafts.
//!
//! # Opening handshake
//!
//! [`handshake::server`] turns a parsed HTTP request into an [`Upgrade`](handshake::server::Upgrade) or a
//! [`Rejection`](handshake::Rejection) with its HTTP status. [`handshake::client`] builds the request and checks the
//! response. Parsing HTTP is left to an HTTP library. For HTTP/2, use [`check_http2`](handshake::server::check_http2)
//! and [`Http2Handshake`](handshake::client::Http2Handshake). The frames are the same as over HTTP/1.1.
//! [`handshake::Origins`] decides which web pages may connect. [`handshake::forwarded`] finds the client behind trusted
//! proxies.
//!
//! # An open connection
//!
//! A connection is two state machines, one per direction. The application can therefore borrow a received message and
//! send at the same time:
//!
//! ```text
//!  bytes from the peer ─▶ Inbound::handle_input ─▶ Event    (a message, a pong, the end)
//!                               │ pong, close
//!                               ▼
//!  send_text, ping, close ─▶ Outbound ─▶ Buf::chunk, Buf::advance ─▶ bytes to the peer
//! ```
//!
//! 1. Pass all received bytes to [`Inbound::handle_input`], and call it until it returns `None`. The input is then used
//!    up. This function unmasks in place, and borrows messages from the input where it can.
//! 2. Handle each [`Event`]. [`Event::Closed`] or [`Event::Failed`] is the last one.
//! 3. Send through [`Outbound`] at any time, until it is closing.
//! 4. Write the contents of [`Outbound`], which is a [`bytes::Buf`].
//!
//! The states of a connection (RFC 6455 §7):
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
//! If the handshake negotiated permessage-deflate, enable it in both state machines with [`Inbound::use_deflate`] and
//! [`Outbound::use_deflate`]. [`Form`] chooses compression per message. Events are the same as without compression.
//! [`deflate`] documents the memory costs.
//!
//! # Drafts
//!
//! Drafts 07 to 12 differ from the RFC only in their handshake ([`handshake::Versions`]). Draft 00 has its own
//! handshake ([`check_draft00`](handshake::server::check_draft00)) and its own framing ([`Inbound::draft00`],
//! [`Outbound::draft00`]), with the same events and methods. Sending a frame that draft 00 does not have returns
//! [`SendError::Unsupported`].
//!
//! # Errors
//!
//! A mistake by the peer is never an `Err`. The crate answers it with the close frame that the RFC requires, and
//! reports [`Event::Failed`]. If the caller makes a mistake, or a request cannot be met, the call returns an `Err`
//! ([`SendError`], [`CloseFrameError`]).

#![forbid(unsafe_code)]

mod buffer_pool;
mod check;
mod close;
mod close_code;
pub mod deflate;
mod draft00;
mod error;
mod event;
mod form;
mod frame;
mod frame_skipper;
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
mod utf8;
mod whole_message;

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
pub use whole_message::WholeMessage;

/// The endpoint that a state machine implements. A client masks its frames, a server does not (RFC 6455 §5.1).
///
/// Exhaustive: the protocol has these two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends unmasked frames, and fails the connection on receiving an unmasked frame.
    Server,
    /// Sends masked frames, and fails the connection on receiving a masked frame.
    Client,
}
