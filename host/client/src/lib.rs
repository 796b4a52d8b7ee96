//! A WebSocket client: RFC 6455 over `ws://` and `wss://`, with the compression of RFC 7692, and over
//! HTTP/2 as RFC 8441 has it.
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
//! [`connect`] returns at once and spawns one task, which owns the socket; an HTTP/2 connection has a task
//! besides. [`Client`] is a handle to send with; its clones share the connection. [`Messages`] gives what
//! arrives.
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
//! # Where to
//!
//! | What | How |
//! |---|---|
//! | `ws://name:8080/`, `ws://192.0.2.1/`, `ws://[2001:db8::1]:8080/` | the URL; of a name with several addresses, IPv6 and IPv4 by turns, the first that answers (RFC 8305) |
//! | as a user, with Basic authentication | `wss://user:password@example.com/`, percent-encoded |
//! | through an HTTP proxy | [`Options::proxy`] |
//! | over a Unix socket | [`Options::unix`]; the URL tells what to ask for there |
//! | who vouches for a `wss` server | [`Options::verify`] |
//! | who the client is | [`Options::client_certificate`] |
//!
//! # HTTP/2
//!
//! A WebSocket is opened over HTTP/1.1 unless [`Options::http`] says otherwise. Over HTTP/2 everything
//! after the handshake is the same. With [`HttpVersion::Either`] a `wss` server has the choice, as it has
//! with browsers.
//!
//! [`Http2Connection`] carries many WebSockets, each with a window of its own:
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ws_host_client::{Http2Connection, Options};
//!
//! let chat = Options::new("wss://example.com/chat")?;
//! let connection = Http2Connection::connect(&chat).await?;
//! let (client, messages) = connection.open(chat);
//! let (other, more_messages) = connection.open(Options::new("wss://example.com/news")?);
//! # Ok(())
//! # }
//! ```
//!
//! # Compression
//!
//! permessage-deflate is offered, as browsers do; [`Options::compression`] changes that or turns it
//! off. If the server agrees, messages of 64 octets and more are compressed, apart from those that were
//! sent before the connection was open.
//!
//! # Streams and sinks
//!
//! [`Messages`] is a `Stream`, and [`Client::sink`] gives a `Sink` (of the crate `futures-util`).
//!
//! # Nothing grows without bound
//!
//! * Sending: messages wait in an outbound buffer of [`Options::max_outbound`] octets. A message that
//!   finds no room waits with its sender: its future, [`Sending`], holds it.
//! * Receiving: a few messages wait for [`Messages::next`]. While no more fit, the socket is not
//!   read, and TCP makes the server wait. Then its pings are not answered, nor are pongs seen and a
//!   close frame: read on, or drop [`Messages`], which discards what arrives.
//! * HTTP/2: at most 1 MiB of a WebSocket waits to be read, and 128 KiB to be written behind its
//!   outbound buffer.
//!
//! # The end
//!
//! [`Client::close`] sends a close frame behind all that was sent before. Messages that the server
//! sent before it answers are still received. The server then closes the TCP connection (RFC 6455
//! §7.1.1), or ends the stream of HTTP/2; within [`Options::close_timeout`] this end waits for it.
//! [`Client::ended`] tells the outcome.
//!
//! When the last [`Client`] and the [`Messages`] are dropped, the connection closes with 1001 behind
//! all that was sent; an attempt to connect is given up. The task never outlives the closing
//! handshake, and with it [`Options::close_timeout`]. An HTTP/2 connection is closed behind its last
//! WebSocket, within a second.

#![forbid(unsafe_code)]

mod answer;
mod authority;
mod client;
mod connection;
mod credentials;
mod dial;
mod end;
mod error;
mod establish;
mod handshake;
mod http2;
mod http_version;
mod identity;
mod line;
mod messages;
mod options;
mod outgoing;
mod proxy;
mod shared;
mod sink;
mod sniff;
mod stream;
mod tls;
mod transport;
mod url;

pub use answer::{Pinging, Sending};
pub use client::{Client, Closing, connect};
pub use end::End;
pub use error::{ConnectError, OptionsError, SendError};
pub use handshake::Opened;
pub use http_version::HttpVersion;
pub use http2::Http2Connection;
pub use messages::{Messages, Received};
pub use options::{Options, Verify};
pub use proxy::ProxyError;
pub use shared::State;
pub use sink::{Message, MessageSink};
pub use url::UrlError;
/// Why a close frame cannot be made: a code that may not be sent, or a reason that is too long.
pub use ws_host_protocol::CloseFrameError;
/// What the application may choose of the compression, and what was agreed on.
pub use ws_host_protocol::deflate;
/// Which check the server's answer to the handshake failed.
pub use ws_host_protocol::handshake::client::HandshakeError;
