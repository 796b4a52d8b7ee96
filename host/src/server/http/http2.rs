//! HTTP/2: many requests on one connection, and many WebSockets (RFC 8441).
//!
//! A WebSocket is a stream of the connection, with flow control of its own: a client that is not read fills
//! its window and waits. The connection's window is as wide as those of all its streams, so that none waits for
//! another.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep_until};

use super::http2_body::{BoundedStream, Streams, bound, taken, writer};
use super::linger::LINGER;
use super::upgrade::answer_with_upgrade;
use crate::config::HostLimits;
use crate::server::host::HostState;
use crate::server::host::request::RequestContext;
use crate::server::permits::handshake::{HandshakePermit, Room};
use crate::server::response::{Body, text, unavailable};

/// Octets of a stream that wait to be read. What RFC 9113 §6.9.2 begins with: a message of that length comes
/// without waiting.
const STREAM_WINDOW: u32 = 64 << 10;

/// The same of all streams of a connection together, at least. Half of it is also what the library lets wait of
/// small frames, counted as 256 octets each; more end the connection. So it must have room for a burst on every
/// stream, and for all that one stream can hold of messages of one octet: 9,362 frames.
const MIN_CONNECTION_WINDOW: u32 = 5 << 20;

/// The widest window (RFC 9113 §6.9.1).
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// Octets of a stream that wait to be written, behind those that wait in the client's outbound buffer.
const SEND_BUFFER: usize = 64 << 10;

/// Requests at a time on one connection, beside its WebSockets: those of a page do not wait for room among them.
const REQUESTS: u32 = 100;

/// Streams that a client has reset and that are still being cleaned up. More end the connection (the rapid
/// reset of CVE-2023-44487).
const MAX_RESETS: usize = 20;

/// Streams that the server had to reset because the client broke the protocol. More end the connection (the
/// made-you-reset of CVE-2025-8671).
const MAX_OWN_RESETS: usize = 100;

/// How often a connection is asked whether it lives, and how long the answer may take. WebSockets on it are
/// asked beside that.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// What all streams of a connection share.
struct Shared {
    state: Arc<HostState>,
    context: RequestContext,
    /// What the connection is counted as while nothing goes on there.
    permit: Mutex<HandshakePermit>,
    /// Requests that are answered, and WebSockets: each has a place of its own.
    uses: AtomicUsize,
    /// Told that nothing goes on any more, and there is no place to wait for more.
    over_to: Mutex<Option<oneshot::Sender<()>>>,
    /// Room for WebSockets.
    sockets: Arc<Semaphore>,
}

/// One use of a connection.
struct Use(Arc<Shared>);

impl Use {
    fn of(shared: &Arc<Shared>) -> Self {
        shared.uses.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let Self(shared) = self;
        if shared.uses.fetch_sub(1, Ordering::AcqRel) == 1
            && shared.permit.lock().keep_alive(&shared.state.keep_alive_permits) == Room::None
            && let Some(over_to) = shared.over_to.lock().take()
        {
            // A connection that has ended need not be told.
            let _ = over_to.send(());
        }
    }
}

/// Serves a connection to its end. One on which nothing goes on for as long as a handshake may take is ended.
pub(in crate::server) async fn serve_http2<S>(
    state: Arc<HostState>,
    stream: S,
    context: RequestContext,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let peer = context.peer.address;
    // A host that stops waits until the last frames are written.
    let _token = state.tasks.token();
    let HostLimits { max_http2_streams, max_header_size, .. } = state.config().limits;
    let sockets = Arc::new(Semaphore::new(max_http2_streams as usize));
    let max_streams = max_http2_streams.saturating_add(REQUESTS);
    let (over_to, mut over) = oneshot::channel();
    let shared = Arc::new(Shared {
        state: Arc::clone(&state),
        context,
        permit: Mutex::new(permit),
        uses: AtomicUsize::new(0),
        over_to: Mutex::new(Some(over_to)),
        sockets,
    });
    let serving = Arc::clone(&shared);
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&serving);
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    let connection = http2::Builder::new(Streams)
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(max_streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(connection_window(max_streams))
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(max_header_size).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_OWN_RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let patience = state.config().timeouts.handshake;
    let mut check = Instant::now() + patience;
    let mut phase = Phase::Open;
    let mut leaving = None;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, "HTTP/2: {error}");
                }
                return;
            }
            () = state.draining(), if phase == Phase::Open => {
                phase = Phase::Ending;
                connection.as_mut().graceful_shutdown();
            }
            _ = &mut over, if leaving.is_none() => {
                // Without a place the stream is dropped.
                let Ok(permit) = state.linger_permits.try_acquire() else { return };
                leaving = Some(permit);
                phase = Phase::Ending;
                check = Instant::now() + LINGER;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(check) => match phase {
                Phase::Open if shared.is_idle() => {
                    phase = Phase::Ending;
                    check = Instant::now() + patience;
                    connection.as_mut().graceful_shutdown();
                }
                Phase::Ending if shared.is_idle() => {
                    return tracing::debug!(%peer, "HTTP/2: the client did not end the connection");
                }
                Phase::Open | Phase::Ending => check = Instant::now() + patience,
            },
        }
    }
}

fn connection_window(streams: u32) -> u32 {
    streams.saturating_mul(STREAM_WINDOW).clamp(MIN_CONNECTION_WINDOW, MAX_WINDOW)
}

fn no_room() -> Response<Body> {
    unavailable("This connection has as many WebSockets as one may have (max-http2-streams).\n")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The client was told to begin nothing more (GOAWAY).
    Ending,
}

impl Shared {
    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Response<BoundedStream<Use>> {
        let going = Use::of(self);
        self.permit.lock().request_received();
        let response = self.respond(request).await;
        bound(response, &self.state.response_permits, self.context.peer.address.ip(), going)
    }

    async fn respond(self: &Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        // The library counts them in HTTP/1.1 alone.
        if request.headers().len() > self.state.config().limits.max_headers {
            return text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many headers.\n");
        }
        let context = self.context.next_request(&self.state);
        if request.method() != Method::CONNECT {
            return answer_with_upgrade(&self.state, request, context, async {}).await;
        }
        let Ok(socket) = Arc::clone(&self.sockets).try_acquire_owned() else {
            return no_room();
        };
        let (going, writer) = (Use::of(self), writer());
        let afterwards = async move {
            let shared = &going.0;
            taken(writer, &shared.state.response_permits, shared.context.peer.address.ip()).await;
            drop(socket);
        };
        let response = answer_with_upgrade(&self.state, request, context, afterwards).await;
        if response.status().is_success() {
            self.permit.lock().release();
        }
        response
    }

    /// Whether there is no WebSocket, and no answer on its way.
    fn is_idle(&self) -> bool {
        self.uses.load(Ordering::Acquire) == 0
    }
}
