//! The driver of an HTTP/2 connection. It polls all of hyper's futures in one task.

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

/// The maximum amount of unread data of one WebSocket, in bytes. This is the default maximum length of a received
/// message, so no message up to this length has to wait for a window update. The window limits the memory of a
/// WebSocket that the application does not read. It also limits the throughput to this many bytes in each round trip.
const STREAM_WINDOW: u32 = 1 << 20;

/// The maximum amount of unread data of all WebSockets together, in bytes. It is the largest window that HTTP/2 allows
/// (RFC 9113 §6.9.1). If it were less than the sum of the stream windows, WebSockets that are not read could block the
/// others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The maximum amount of unwritten data of one WebSocket in HTTP/2, in bytes. It is as much as the other end commonly
/// reads at once. Data that has not reached HTTP/2 yet is limited by the outbound buffer.
const SEND_BUFFER: usize = 64 << 10;

/// The time limit for writing the last frames once the connection is no longer used. This is ample for a server that
/// reads.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Whether a server supports WebSockets over HTTP/2: `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extended {
    Enabled,
    Disabled,
}

/// The future of a connection, together with all tasks that hyper would spawn.
pub(super) struct Driver {
    /// Takes new requests. `None` once the connection accepts no more. Streams that are then open may continue.
    connection: Option<Connection>,
    /// Why the connection accepts no more requests, if the reason is an error.
    outcome: Option<hyper::Error>,
    running: FuturesUnordered<Task>,
    spawned: Arc<SpawnedTasks>,
}

type Connection = http2::Connection<TokioIo<Sniffed>, Empty<Bytes>, TaskExecutor>;
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type SpawnedTasks = Mutex<Vec<Task>>;

/// The executor on which hyper spawns its tasks. The driver owns the tasks, so that none of them outlives the driver.
#[derive(Clone)]
struct TaskExecutor(Weak<SpawnedTasks>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for TaskExecutor {
    fn execute(&self, task: F) {
        // `Weak::upgrade` fails only while the driver is being dropped.
        if let Some(spawned) = self.0.upgrade() {
            spawned.lock().push(Box::pin(task));
        }
    }
}

/// Starts HTTP/2. Nothing happens on the connection unless the driver is polled.
pub(super) async fn handshake(
    stream: Sniffed,
) -> hyper::Result<(SendRequest<Empty<Bytes>>, Driver)> {
    let spawned = Arc::new(SpawnedTasks::default());
    let (requests, connection) = http2::Builder::new(TaskExecutor(Arc::downgrade(&spawned)))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEAD)
        // This forbids streams until the server's settings have arrived. `Driver::settings` also uses this limit to
        // detect the arrival of the settings.
        .initial_max_send_streams(0)
        .handshake(TokioIo::new(stream))
        .await?;
    let running = FuturesUnordered::new();
    let driver = Driver { connection: Some(connection), outcome: None, running, spawned };
    Ok((requests, driver))
}

impl Driver {
    /// Drives the connection until the server's settings have arrived. They are the first frame (RFC 9113 §3.4).
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

    /// Drives the connection until it has ended, or until nobody uses it any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub(super) async fn run(mut self, mut guards: mpsc::Receiver<Infallible>) {
        let mut drive = poll_fn(|context| self.poll(context));
        tokio::select! {
            // The result is ignored, because the streams report why the connection ended.
            _ = &mut drive => return,
            _ = guards.recv() => {}
        }
        // A timeout does not matter, because the connection is closed in any case.
        let _ = timeout(CLOSE_TIME, drive).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        loop {
            if let Some(connection) = &mut self.connection
                && let Poll::Ready(ended) = Pin::new(connection).poll(context)
            {
                self.connection = None;
                self.outcome = ended.err();
            }
            self.running.extend(self.spawned.lock().drain(..));
            match self.running.poll_next_unpin(context) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) if self.connection.is_none() => {
                    return Poll::Ready(self.outcome.take().map_or(Ok(()), Err));
                }
                Poll::Ready(None) | Poll::Pending if self.spawned.lock().is_empty() => {
                    return Poll::Pending;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
        }
    }
}
