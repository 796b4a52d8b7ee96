//! A WebSocket client for `ws://` and `wss://` (RFC 6455), with compression (RFC 7692), also over HTTP/2 (RFC 8441).
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
//! [`connect`] returns immediately and spawns one task, which owns the socket. An HTTP/2 connection has an additional
//! task. [`Client`] is a handle for sending. Its clones share the connection. [`Messages`] returns the messages that
//! arrive.
//!
//! ```text
//! Connecting ──▶ Open ──▶ Closing ──▶ Closed      Client::state
//!      │           │                    ▲
//!      └───────────┴────────────────────┘         cannot connect; connection lost
//! ```
//!
//! Messages that are sent while [connecting](State::Connecting) are queued, and are written in order when the
//! connection opens. [`Client::opened`] waits until the connection is open, or returns why it will not open.
//!
//! # Choosing the server
//!
//! | What | How |
//! |---|---|
//! | `ws://name:8080/`, `ws://192.0.2.1/`, `ws://[2001:db8::1]:8080/` | the URL; if the name has several addresses, IPv6 and IPv4 addresses are tried in alternation, and the first that answers is used (RFC 8305) |
//! | as a user, with Basic authentication | `wss://user:password@example.com/`, percent-encoded |
//! | through an HTTP proxy | [`Options::proxy`] |
//! | over a Unix socket | [`Options::unix`]; the URL still names the host and the path of the request |
//! | trusted certificates of a `wss` server | [`Options::verify`] |
//! | client certificate | [`Options::client_certificate`] |
//!
//! # HTTP/2
//!
//! A WebSocket is opened over HTTP/1.1 unless [`Options::http`] says otherwise. Over HTTP/2, everything after the
//! handshake is the same. With [`HttpVersion::Either`], a `wss` server chooses the version, as it does with browsers.
//!
//! [`Http2Connection`] carries many WebSockets, each with a separate flow-control window:
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
//! The client offers permessage-deflate, as browsers do. [`Options::compression`] changes the offer or turns it off. If
//! the server agrees, messages of 64 bytes and more are compressed, except those that were sent before the connection
//! was open.
//!
//! # Streams and sinks
//!
//! [`Messages`] is a `Stream`, and [`Client::sink`] returns a `Sink` (from the crate `futures-util`).
//!
//! # Every buffer has a limit
//!
//! * Sending: messages wait in an outbound buffer of [`Options::max_outbound`] bytes. A message that finds no room
//!   there waits in its future, [`Sending`].
//! * Receiving: a few messages wait in a queue for [`Messages::next`]. While the queue is full, the socket is not read,
//!   and TCP makes the server wait. During that time, pings are not answered, and pongs and a close frame are not
//!   noticed. Continue to take messages, or drop [`Messages`] to discard what arrives.
//! * HTTP/2: for each WebSocket, up to 1 MiB of received data and up to 128 KiB of data to be sent are buffered, in
//!   addition to the outbound buffer.
//!
//! # Closing
//!
//! [`Client::close`] sends a close frame behind everything that was sent earlier. Messages that the server sends before
//! it answers are still received. The server then closes the TCP connection (RFC 6455 §7.1.1), or ends the HTTP/2
//! stream. The client waits for the server for at most [`Options::close_timeout`]. [`Client::ended`] returns the
//! outcome.
//!
//! When the last [`Client`] and the [`Messages`] have been dropped, the client writes what is still queued, and closes
//! the connection with 1001. If the connection is not open yet, the attempt to connect is cancelled. The task ends with
//! the closing handshake, or after [`Options::close_timeout`] at the latest. An HTTP/2 connection is closed within a
//! second after its last WebSocket has ended and its last [`Http2Connection`] has been dropped.

#![forbid(unsafe_code)]

mod authority;
mod certificates;
mod client;
mod connection;
mod connection_io;
mod credentials;
mod dial;
mod end;
mod error;
mod establish;
mod handshake;
mod http2;
mod http_version;
mod identity;
mod messages;
mod options;
mod outgoing;
mod proxy;
mod sending;
mod shared;
mod sink;
mod sniff;
mod stream;
mod tls;
mod transport;
mod upgraded_stream;
mod url;

pub use client::{Client, Closing, connect};
pub use end::End;
pub use error::{ConnectError, OptionsError, SendError};
pub use handshake::Opened;
pub use http_version::HttpVersion;
pub use http2::Http2Connection;
pub use messages::{Messages, Received};
pub use options::{Options, Verify};
pub use proxy::ProxyError;
pub use sending::{Pinging, Sending};
pub use shared::State;
pub use sink::{Message, MessageSink};
/// For the server `ws-host`, which wraps its upgraded streams in the same type.
#[doc(hidden)]
pub use upgraded_stream::UpgradedStream;
pub use url::UrlError;
/// Why a close frame cannot be made: a code that may not be sent, or a reason that is too long.
pub use ws_host_protocol::CloseFrameError;
/// The compression settings that the application can choose, and those that were agreed on.
pub use ws_host_protocol::deflate;
/// The reason why the server's handshake response was rejected.
pub use ws_host_protocol::handshake::client::HandshakeError;
