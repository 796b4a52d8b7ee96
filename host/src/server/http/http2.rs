//! HTTP/2: many requests and many WebSockets on one connection (RFC 8441).
//!
//! A WebSocket is a stream of the connection, with its own flow control. If the input of a client is not read, the
//! client fills the window of its stream and waits. The connection's window is as large as the windows of all its
//! streams together, so that no stream waits for another one.

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

use super::http2_body::{
    ResponseBody, StreamExecutor, finish_writing, with_permit, writer_receiver,
};
use super::linger::LINGER;
use super::upgrade::respond_with_upgrade;
use crate::config::HostLimits;
use crate::metrics::GaugeEntry;
use crate::server::host::HostState;
use crate::server::host::request::RequestContext;
use crate::server::permits::handshake::HandshakePermit;
use crate::server::response::{Body, text, unavailable};

/// The window of a stream, in bytes: how much of its data may wait to be read. It is about as large as the initial
/// window of RFC 9113 §6.9.2. A message that fits into the window arrives without waiting.
const STREAM_WINDOW: u32 = 64 << 10;

/// The smallest window of a connection, for all its streams together. It must have room for a burst on every stream.
/// h2 also charges up to 256 bytes for each small frame that waits to be read, and ends the connection if these charges
/// exceed half of the window. One stream's window can hold 9,362 messages of one byte, for which h2 charges up to
/// 2.3 MiB. So the connection's window must be at least 4.6 MiB.
const MIN_CONNECTION_WINDOW: u32 = 5 << 20;

/// The largest window (RFC 9113 §6.9.1).
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// How many bytes of a stream may wait to be written, in addition to those in the client's outbound buffer.
const SEND_BUFFER: usize = 64 << 10;

/// How many concurrent requests a connection may have in addition to its WebSockets. They let a page make requests
/// without waiting for a WebSocket to end.
const MAX_CONCURRENT_REQUESTS: u32 = 100;

/// How many streams may wait for their cleanup after the client has reset them. A connection with more such streams is
/// ended (rapid reset, CVE-2023-44487).
const MAX_RESETS: usize = 20;

/// How many streams the server may reset because the client violated the protocol. A connection with more such streams
/// is ended (MadeYouReset, CVE-2025-8671).
const MAX_LOCAL_RESETS: usize = 100;

/// How often a connection is pinged, and how long the reply may take. The WebSockets on the connection are pinged as
/// well.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The state that all streams of a connection share.
struct Shared {
    state: Arc<HostState>,
    context: RequestContext,
    /// The permit that the connection holds while it is idle.
    permit: Mutex<HandshakePermit>,
    /// The number of requests that are being answered, plus the number of open WebSockets. Each request and each
    /// WebSocket has a permit of its own.
    active: AtomicUsize,
    /// Signals that the connection is idle and that there is no permit to keep it alive.
    idle_sender: Mutex<Option<oneshot::Sender<()>>>,
    websockets: Arc<Semaphore>,
}

/// Counts a request or a WebSocket as active until this value is dropped.
struct Active(Arc<Shared>);

impl Active {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.active.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let Self(shared) = self;
        if shared.active.fetch_sub(1, Ordering::AcqRel) == 1
            && !shared.permit.lock().try_keep_alive(&shared.state.keep_alive_permits)
            && let Some(idle_sender) = shared.idle_sender.lock().take()
        {
            // The receiver is gone if the connection has ended.
            let _ = idle_sender.send(());
        }
    }
}

/// Serves a connection until it ends. A connection that stays idle for the handshake timeout is closed.
pub(in crate::server) async fn serve_http2<S>(
    state: Arc<HostState>,
    stream: S,
    context: RequestContext,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (peer, id) = (context.peer.address, context.connection.0);
    // A drain waits for this token, so that the last frames are written.
    let _token = state.context.tasks.token();
    let _entry = GaugeEntry::new(&state.context.metrics, |metrics| &metrics.http2_connections);
    let HostLimits { max_http2_streams, max_header_size, .. } = state.config().limits;
    let websockets = Arc::new(Semaphore::new(max_http2_streams as usize));
    let max_streams = max_http2_streams.saturating_add(MAX_CONCURRENT_REQUESTS);
    let (idle_sender, mut idle) = oneshot::channel();
    let shared = Arc::new(Shared {
        state: Arc::clone(&state),
        context,
        permit: Mutex::new(permit),
        active: AtomicUsize::new(0),
        idle_sender: Mutex::new(Some(idle_sender)),
        websockets,
    });
    let service_state = Arc::clone(&shared);
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&service_state);
        async move { Ok::<_, Infallible>(shared.handle_request(request).await) }
    });
    let connection = http2::Builder::new(StreamExecutor)
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(max_streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(connection_window(max_streams))
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(max_header_size).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let idle_timeout = state.config().timeouts.handshake;
    let mut next_check = Instant::now() + idle_timeout;
    let mut phase = Phase::Open;
    let mut linger_permit = None;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(connection = id, %peer, "HTTP/2: {error}");
                }
                return;
            }
            () = state.wait_for_clients_closed(), if phase == Phase::Open => {
                phase = Phase::Closing;
                connection.as_mut().graceful_shutdown();
            }
            _ = &mut idle, if linger_permit.is_none() => {
                // Without a permit to linger, the connection is dropped at once.
                let Ok(permit) = state.linger_permits.try_acquire() else { return };
                linger_permit = Some(permit);
                phase = Phase::Closing;
                next_check = Instant::now() + LINGER;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(next_check) => match phase {
                Phase::Open if shared.is_idle() => {
                    phase = Phase::Closing;
                    next_check = Instant::now() + idle_timeout;
                    connection.as_mut().graceful_shutdown();
                }
                Phase::Closing if shared.is_idle() => {
                    return tracing::debug!(
                        connection = id,
                        %peer,
                        "HTTP/2: the client did not close the idle connection in time"
                    );
                }
                Phase::Open | Phase::Closing => next_check = Instant::now() + idle_timeout,
            },
        }
    }
}

fn connection_window(streams: u32) -> u32 {
    streams.saturating_mul(STREAM_WINDOW).clamp(MIN_CONNECTION_WINDOW, MAX_WINDOW)
}

fn too_many_websockets() -> Response<Body> {
    unavailable(
        "This connection already has the maximum number of WebSockets (max-http2-streams).\n",
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The client must open no more streams (GOAWAY).
    Closing,
}

impl Shared {
    async fn handle_request(
        self: &Arc<Self>,
        request: Request<Incoming>,
    ) -> Response<ResponseBody<Active>> {
        let active = Active::new(self);
        self.permit.lock().request_received();
        let response = self.respond(request).await;
        let client = self.context.peer.address.ip();
        with_permit(response, &self.state.response_permits, client, active)
    }

    async fn respond(self: &Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        // hyper has this limit only for HTTP/1.1.
        if request.headers().len() > self.state.config().limits.max_headers {
            return text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many headers.\n");
        }
        let context = self.context.next_request(&self.state);
        let streams = &self.state.context.metrics.http2_streams;
        if request.method() != Method::CONNECT {
            streams.count("request");
            return respond_with_upgrade(&self.state, request, context, async {}).await;
        }
        streams.count("websocket");
        let Ok(websocket) = Arc::clone(&self.websockets).try_acquire_owned() else {
            return too_many_websockets();
        };
        let (active, writer) = (Active::new(self), writer_receiver());
        let afterwards = async move {
            let Active(shared) = &active;
            let client = shared.context.peer.address.ip();
            finish_writing(writer, &shared.state.response_permits, client).await;
            drop(websocket);
        };
        let response = respond_with_upgrade(&self.state, request, context, afterwards).await;
        if response.status().is_success() {
            self.permit.lock().release();
        }
        response
    }

    /// Whether there is no WebSocket, and no request being answered.
    fn is_idle(&self) -> bool {
        self.active.load(Ordering::Acquire) == 0
    }
}
