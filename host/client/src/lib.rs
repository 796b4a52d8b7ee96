//! A WebSocket client: RFC 6455 over `ws://` and `wss://`, with the compression of RFC 7692.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ws_host_client::{Options, Received, connect};
//!
//! let (client, mut messages) = connect(Options::new("wss://example.com/chat")?);
//! client.send_text("hello").await?;
//! if let Some(Received::Text(text)) = messages.next().await {
//!     assert_eq!(text, "hello");
//! }
//! let end = client.close(1000, "done")?.await;
//! assert!(end.clean);
//! # Ok(())
//! # }
//! ```
//!
//! # The life of a connection
//!
//! [`connect`] returns at once and spawns one task, which owns the socket. [`Client`] is a handle to
//! send with; its clones share the connection. [`Messages`] gives what arrives.
//!
//! ```text
//! Connecting ──▶ Open ──▶ Closing ──▶ Closed      Client::state
//!      │           │                    ▲
//!      └───────────┴────────────────────┘         not connected; lost
//! ```
//!
//! What is sent while [connecting](State::Connecting) waits and goes out, in order, when the
//! connection opens. [`Client::opened`] tells when that is, or why it will not be.
//!
//! # Compression
//!
//! permessage-deflate is offered, as browsers do; [`Options::compression`] changes that or turns it
//! off. If the server agrees, messages of 64 octets and more are compressed, apart from those that were
//! sent before the connection was open.
//!
//! # Nothing grows without bound
//!
//! * Sending: messages wait in an outbound buffer of [`Options::max_outbound`] octets. A message that
//!   finds no room waits with its sender: its future, [`Sending`], holds it.
//! * Receiving: a few messages wait for [`Messages::next`]. While no more fit, the socket is not
//!   read, and TCP makes the server wait. Then its pings are not answered, nor are pongs seen and a
//!   close frame: read on, or drop [`Messages`], which discards what arrives.
//!
//! # The end
//!
//! [`Client::close`] sends a close frame behind all that was sent before. Messages that the server
//! sent before it answers are still received. The server then closes the TCP connection (RFC 6455
//! §7.1.1); within [`Options::close_timeout`] this end waits for it. [`Client::ended`] tells the
//! outcome.
//!
//! When the last [`Client`] and the [`Messages`] are dropped, the connection closes with 1001 behind
//! all that was sent; an attempt to connect is given up. The task never outlives the closing
//! handshake, and with it [`Options::close_timeout`].

#![forbid(unsafe_code)]

mod answer;
mod client;
mod connection;
mod end;
mod error;
mod establish;
mod handshake;
mod line;
mod messages;
mod options;
mod outgoing;
mod shared;
mod stream;
mod tls;
mod url;

pub use answer::{Pinging, Sending};
pub use client::{Client, Closing, connect};
pub use end::End;
pub use error::{ConnectError, OptionsError, SendError};
pub use handshake::Opened;
pub use messages::{Messages, Received};
pub use options::{Options, Verify};
pub use shared::State;
pub use url::UrlError;
/// Why a close frame cannot be made: a code that may not be sent, or a reason that is too long.
pub use ws_host_protocol::CloseFrameError;
/// What the application may choose of the compression, and what was agreed on.
pub use ws_host_protocol::deflate;
/// Which check the server's answer to the handshake failed.
pub use ws_host_protocol::handshake::client::HandshakeError;
