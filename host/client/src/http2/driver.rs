//! What moves an HTTP/2 connection: hyper's futures, all in one task.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::Empty;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::handshake::MAX_HEAD;
use crate::sniff::Sniffed;

/// How much of one WebSocket may wait unread, in octets: the longest message that is received by default,
/// so that it need not wait for a window on its way. It bounds the memory of a WebSocket that nobody
/// reads, and its speed: this much in each round trip.
const STREAM_WINDOW: u32 = 1 << 20;

/// How much of all of them, in octets: the most that HTTP/2 has (RFC 9113 §6.9.1). Were it less than the
/// sum of their windows, those that nobody reads could stop the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// How much of one WebSocket waits in HTTP/2 to be written, in octets: as much as one read of the other
/// end commonly takes. What waits before it is bounded by the outbound buffer.
const SEND_BUFFER: usize = 64 << 10;

/// How long the last frames may take when nobody wants the connection any more. A server that reads
/// needs no more.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Whether a server opens WebSockets: `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extended {
    Enabled,
    Disabled,
}

/// The future of a connection, with everything that hyper would spawn.
pub(super) struct Driver {
    /// What hands requests over; `None` when it takes none any more. Streams may go on without it.
    connection: Option<Connection>,
    /// How that came.
    outcome: Option<hyper::Error>,
    running: FuturesUnordered<Part>,
    begun: Arc<Begun>,
}

type Connection = http2::Connection<TokioIo<Sniffed>, Empty<Bytes>, Parts>;
type Part = Pin<Box<dyn Future<Output = ()> + Send>>;
type Begun = Mutex<Vec<Part>>;

/// Where hyper hands over what it would spawn. The driver owns that, so that nothing outlives it.
#[derive(Clone)]
struct Parts(Weak<Begun>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Parts {
    fn execute(&self, part: F) {
        // Only a driver that is being dropped is not there.
        if let Some(begun) = self.0.upgrade() {
            begun.lock().push(Box::pin(part));
        }
    }
}

/// Begins with HTTP/2. Nothing moves but by the driver.
pub(super) async fn handshake(
    stream: Sniffed,
) -> hyper::Result<(SendRequest<Empty<Bytes>>, Driver)> {
    let begun = Arc::new(Begun::default());
    let (requests, connection) = http2::Builder::new(Parts(Arc::downgrade(&begun)))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEAD)
        // None before the server's settings have come, which is also how their coming is seen.
        .initial_max_send_streams(0)
        .handshake(TokioIo::new(stream))
        .await?;
    let running = FuturesUnordered::new();
    let driver = Driver { connection: Some(connection), outcome: None, running, begun };
    Ok((requests, driver))
}

impl Driver {
    /// Drives the connection until the server's settings have come (RFC 9113 §3.4: they come first).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn settings(&mut self) -> Result<Extended, Box<dyn Error + Send + Sync>> {
        poll_fn(|context| {
            let ended = self.poll(context)?;
            match &self.connection {
                Some(connection) if connection.is_extended_connect_protocol_enabled() => {
                    Poll::Ready(Ok(Extended::Enabled))
                }
                Some(connection) if connection.current_max_send_streams() > 0 => {
                    Poll::Ready(Ok(Extended::Disabled))
                }
                _ => ended.map(|()| Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())),
            }
        })
        .await
    }

    /// Drives the connection until it has ended, or nobody wants it any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub(super) async fn run(mut self, mut users: mpsc::Receiver<Infallible>) {
        let mut drive = poll_fn(|context| self.poll(context));
        tokio::select! {
            // Its streams are told why it ended.
            _ = &mut drive => return,
            _ = users.recv() => {}
        }
        // Whether or not the server takes it.
        let _ = timeout(FAREWELL_TIME, drive).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        loop {
            if let Some(connection) = &mut self.connection
                && let Poll::Ready(ended) = Pin::new(connection).poll(context)
            {
                self.connection = None;
                self.outcome = ended.err();
            }
            self.running.extend(self.begun.lock().drain(..));
            match self.running.poll_next_unpin(context) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) if self.connection.is_none() => {
                    return Poll::Ready(self.outcome.take().map_or(Ok(()), Err));
                }
                Poll::Ready(None) | Poll::Pending if self.begun.lock().is_empty() => {
                    return Poll::Pending;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
        }
    }
}
