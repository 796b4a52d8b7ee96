//! HTTP/1.1: one request after the other. A handshake is always the last request.
//!
//! hyper reads requests and writes ordinary responses. The response to a handshake must be exact to the byte, so the
//! host writes that response itself: it stops hyper before hyper writes anything, and takes the stream back. The head
//! of the first request is checked before hyper sees it, so that the response can explain an error. A malformed later
//! request is rejected by hyper, with a status and no text.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{CONNECTION, HOST, HeaderName};
use http::{HeaderValue, Request, Response, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout_at};
use ws_host_protocol::handshake::{self, Rejection, server};

use super::encode::BodyMode;
use super::final_response::{FinalResponse, close_after_response, send_final_response};
use super::head::{self, Draft00, HeadLimits};
use super::progress::{OnClientEof, Progress, TrackedBody, TrackedStream};
use crate::server::host;
use crate::server::host::HostState;
use crate::server::host::request::RequestContext;
use crate::server::permits::handshake::HandshakePermit;
use crate::server::response::{Body, HostResponse, rejected, unavailable};
use crate::server::stream::{Prefixed, Transfer};

/// How long it may take to write a response. The limit is meant for files that go to a slow client. Handshakes have a
/// shorter timeout of their own.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may be idle between requests. Probes and scrapes come every ten or fifteen seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The header that announces the idle timeout (RFC 2068 §19.7.1.1). The announced time is a little shorter than the
/// real one, so that a client does not send a request just when the connection is being closed.
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const ANNOUNCED_TIMEOUT: &str = "timeout=29";

/// How many requests a connection may have. The connection is closed after the last one. The client's next connection
/// may go to another worker, which helps balance the load across workers.
const MAX_REQUESTS: usize = 1000;

/// The maximum length of a response body that needs no permit, in bytes. The socket's send buffer has room for this
/// much, even if the client does not read.
const SHORT_RESPONSE: u64 = 4096;

/// Serves a connection until its last request has been answered. A WebSocket is served by its own task, so that the
/// HTTP state does not stay in memory.
pub(in crate::server) async fn serve_http1<S, M: Transfer<S>>(
    state: &Arc<HostState>,
    mut stream: S,
    context: RequestContext,
    mut permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (peer, connection) = (context.peer.address, context.connection.0);
    let head = match timeout_at(
        context.deadline,
        head::read(&mut stream, head_limits(state, &context)),
    )
    .await
    {
        Ok(Ok(Ok(head))) => head,
        Ok(Ok(Err(error))) => {
            tracing::debug!(connection, %peer, "received no valid HTTP request: {error}");
            let response = error.response();
            let last = FinalResponse { response, body_mode: BodyMode::Send, context };
            return send_final_response::<_, M>(state, stream, Vec::new(), last, permit).await;
        }
        Ok(Err(error)) => {
            return tracing::debug!(connection, %peer, "received no valid HTTP request: {error}");
        }
        Err(_) => return tracing::debug!(connection, %peer, "received no HTTP request in time"),
    };
    permit.request_received();
    let context = context.with_challenge(head.challenge);
    let shared = Arc::new(Shared {
        state: Arc::clone(state),
        progress: Progress::new(Instant::now() + response_timeout(state)),
        context,
        permit: Mutex::new(permit),
        requests: AtomicUsize::new(0),
        last: Mutex::new(None),
    });
    let Some((stream, rest)) =
        serve_requests(&shared, Prefixed::new(head.bytes, stream), head.length).await
    else {
        return;
    };
    let last = shared.last.lock().take();
    permit = std::mem::replace(&mut *shared.permit.lock(), HandshakePermit::UNCOUNTED);
    match last {
        Some(last) => send_final_response::<_, M>(state, stream, rest, last, permit).await,
        None => close_after_response(stream, state.linger_permits.try_acquire().ok(), permit).await,
    }
}

fn head_limits(state: &HostState, context: &RequestContext) -> HeadLimits {
    let accepts_draft00 = state.config().versions.contains(handshake::Version::Draft00);
    HeadLimits {
        max_size: max_header_size(state, context),
        max_headers: max_headers(state, context),
        draft00: if accepts_draft00 { Draft00::Accepted } else { Draft00::Rejected },
    }
}

/// How far a relayed request may exceed the limits for a client's request, in bytes and in headers. The relaying host
/// adds bytes and headers: it writes a space after each colon, and it replaces a handshake over HTTP/2 with one over
/// HTTP/1.1.
pub(in crate::server) const RELAYED_BYTES: usize = 8 << 10;
const RELAYED_HEADERS: usize = 8;

/// Returns the maximum size of a head, in bytes.
fn max_header_size(state: &HostState, context: &RequestContext) -> usize {
    let more = if context.edge.is_some() { RELAYED_BYTES } else { 0 };
    state.config().limits.max_header_size + more
}

fn max_headers(state: &HostState, context: &RequestContext) -> usize {
    let more = if context.edge.is_some() { RELAYED_HEADERS } else { 0 };
    state.config().limits.max_headers + more
}

/// Returns how long a request may take in total. A handshake first waits for its handler, and that wait has a timeout
/// of its own.
fn response_timeout(state: &HostState) -> Duration {
    RESPONSE_TIMEOUT + state.config().timeouts.handshake
}

/// Whether a connection can be used again after a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reuse {
    ByDefault,
    /// The client asks to close the connection, or the request is older than HTTP/1.1. In both cases, the host sends no
    /// `Keep-Alive` header, and hyper decides whether the connection stays open. Before HTTP/1.1, a connection stays
    /// open only if the client asks for it.
    IfRequested,
    /// The request has a body, which is not read.
    Never,
}

impl Reuse {
    /// Returns whether the connection of this request can be used again.
    fn of(request: &Request<Incoming>) -> Self {
        let asks_for_close = |value: &HeaderValue| {
            let mut tokens = value.as_bytes().split(|byte| *byte == b',');
            tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
        };
        if !request.body().is_end_stream() {
            Self::Never
        } else if request.version() != Version::HTTP_11
            || request.headers().get_all(CONNECTION).iter().any(asks_for_close)
        {
            Self::IfRequested
        } else {
            Self::ByDefault
        }
    }
}

/// Checks that the request has exactly one `Host`. This applies to every request, not only to handshakes (RFC 9112
/// §3.2). Before HTTP/1.1, the header did not exist.
fn check_host(request: &Request<()>) -> Result<(), Rejection> {
    match request.headers().get_all(HOST).iter().count() {
        0 if request.version() == Version::HTTP_10 => Ok(()),
        0 => Err(Rejection::Host),
        1 => Ok(()),
        _ => Err(Rejection::Repeated("Host")),
    }
}

/// The state that the requests of a connection share.
struct Shared {
    state: Arc<HostState>,
    /// The context of the first request.
    context: RequestContext,
    permit: Mutex<HandshakePermit>,
    requests: AtomicUsize,
    progress: Arc<Progress>,
    last: Mutex<Option<FinalResponse>>,
}

/// Stops hyper, because the host writes the last response itself.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP library was stopped, because the host writes the last response itself")]
struct Stop;

/// Answers requests until the connection ends, or until the host must write the last response itself. The head of the
/// first request has `head_length` bytes. Returns the stream, and the bytes that were read after the last request.
async fn serve_requests<S>(
    shared: &Arc<Shared>,
    stream: Prefixed<S>,
    head_length: usize,
) -> Option<(S, Vec<u8>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Shared { state, context, .. } = &**shared;
    let (peer, id) = (context.peer.address, context.connection.0);
    let service = service_fn(|request: Request<Incoming>| {
        // `request_arrived` must be called here, and not in the returned future. Before hyper first polls the future,
        // it checks whether the client has closed its side.
        let on_eof =
            if server::is_upgrade(&request) { OnClientEof::Abort } else { OnClientEof::Respond };
        shared.progress.request_arrived(Instant::now() + response_timeout(&shared.state), on_eof);
        let shared = Arc::clone(shared);
        Box::pin(async move { shared.handle_request(request).await })
    });
    let stream = TrackedStream::new(stream, head_length, Arc::clone(&shared.progress));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The timeout applies to later heads only. The first head has already been read.
        .header_read_timeout(IDLE_TIMEOUT)
        .title_case_headers(true)
        .max_headers(max_headers(state, context))
        .max_buf_size(max_header_size(state, context))
        .serve_connection(TokioIo::new(stream), service);
    let mut is_draining = false;
    let result = loop {
        // A request that arrives during the wait may set an earlier deadline, but that deadline is at least
        // `response_timeout` from now. So wait for at most `response_timeout`, and then check the deadline again.
        let deadline = shared.progress.deadline().min(Instant::now() + response_timeout(state));
        tokio::select! {
            biased;
            result = poll_fn(|context| connection.poll_without_shutdown(context)) => break result,
            // This is polled after the connection: a response gets its permit while the connection is polled, and only
            // a response with a permit can be evicted.
            () = poll_fn(|context| shared.progress.poll_evicted(context)) => {
                tracing::debug!(
                    connection = id,
                    %peer,
                    "cut off a connection: its response was canceled to make room for another one"
                );
                return None;
            }
            () = state.wait_for_clients_closed(), if !is_draining => {
                is_draining = true;
                // The first request still gets its response.
                if shared.requests.load(Ordering::Relaxed) > 0 {
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
            () = sleep_until(deadline) => if shared.progress.deadline() <= Instant::now() {
                tracing::debug!(connection = id, %peer, "the client did not read the response in time");
                return None;
            },
        }
    };
    if let (Err(error), None) = (&result, &*shared.last.lock()) {
        tracing::debug!(connection = id, %peer, "HTTP/1.1: {error}");
    }
    let parts = connection.into_parts();
    let (stream, read_ahead) = parts.io.into_inner().into_inner();
    let (stream, unread) = stream.into_parts();
    Some((stream, [&parts.read_buf[..], &read_ahead, &unread].concat()))
}

impl Shared {
    async fn handle_request(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<TrackedBody>, Stop> {
        let body_mode = BodyMode::of(request.method());
        let reuse = Reuse::of(&request);
        let earlier_requests = self.requests.fetch_add(1, Ordering::Relaxed);
        let context = match earlier_requests {
            0 => self.context.clone(),
            _ => self.context.next_request(&self.state),
        };
        let request = request.map(drop);
        let response = match check_host(&request) {
            Ok(()) => host::handle_request(&self.state, &request, context.clone()).await,
            Err(rejection) => {
                let versions = &self.state.config().versions;
                HostResponse::Handshake(rejected(rejection, &request, versions))
            }
        };
        match response {
            HostResponse::Ordinary(mut response) => {
                let is_permitted = self.try_acquire_response_permit(&response);
                if !is_permitted {
                    response = unavailable("The server is sending too many responses.\n");
                }
                let is_last = reuse == Reuse::Never
                    || !is_permitted
                    || earlier_requests + 1 >= MAX_REQUESTS
                    || self.state.is_draining();
                let headers = response.headers_mut();
                if is_last || !self.permit.lock().try_keep_alive(&self.state.keep_alive_permits) {
                    headers.insert(CONNECTION, HeaderValue::from_static("close"));
                } else if reuse == Reuse::ByDefault {
                    headers.insert(KEEP_ALIVE, HeaderValue::from_static(ANNOUNCED_TIMEOUT));
                }
                Ok(response.map(|body| TrackedBody::new(body, Arc::clone(&self.progress))))
            }
            HostResponse::Handshake(response) => {
                if earlier_requests > 0 {
                    // The responses to earlier pipelined requests must be written first.
                    self.progress.flushed().await;
                }
                *self.last.lock() = Some(FinalResponse { response, body_mode, context });
                Err(Stop)
            }
        }
    }

    /// Acquires a permit that a long response holds until it is written. Returns false if no permit is free. A short
    /// response needs none.
    fn try_acquire_response_permit(&self, response: &Response<Body>) -> bool {
        if response.body().size_hint().upper().is_some_and(|length| length <= SHORT_RESPONSE) {
            return true;
        }
        let client = self.context.peer.address.ip();
        match self.state.response_permits.try_acquire(client, Instant::now()) {
            Some((permit, eviction)) => {
                self.progress.hold_permit(permit, eviction);
                true
            }
            None => false,
        }
    }
}
