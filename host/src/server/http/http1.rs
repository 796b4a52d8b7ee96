//! HTTP/1.1: requests one after the other, of which a handshake is the last.
//!
//! An HTTP library reads requests and writes ordinary answers. The answer to a handshake is written here, to the
//! byte: the library is stopped before it writes anything, and gives the stream back. The head of the first request
//! is looked at before the library sees it; the library refuses a malformed later one, with a status and no text.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{CONNECTION, HOST, HeaderName};
use http::{HeaderValue, Method, Request, Response, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout_at};
use ws_host_protocol::handshake::{self, Rejection, server};

use super::encode::BodyMode;
use super::final_response::{FinalResponse, close_behind_response, send_final_response};
use super::head::{self, Bounds, Draft00};
use super::progress::{OnClientEof, Progress, TrackedBody, TrackedStream};
use crate::server::host;
use crate::server::host::HostState;
use crate::server::host::request::RequestContext;
use crate::server::permits::handshake::{HandshakePermit, Room};
use crate::server::response::{Answer, Body, rejected, unavailable};
use crate::server::stream::{Prefixed, Transfer};

/// How long an answer may take to be written. Handshakes have their own, shorter time; this is for
/// files that go to a slow reader.
pub(super) const MAX_ANSWER_TIME: Duration = Duration::from_secs(60);

/// How long a connection may be without a request behind an answer: probes and scrapes come every ten or fifteen
/// seconds.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// What is told of that (RFC 2068 §19.7.1.1): a little less, so that a client does not ask just when the connection is
/// closed.
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const KEPT_ALIVE: &str = "timeout=29";

/// How many requests one connection may have; it is closed behind the last. So connections spread again over
/// the workers.
const MAX_REQUESTS: usize = 1000;

/// What an answer may have, in bytes, without a place among those that are on their way: the system takes so much at
/// once, whether the client reads or not.
const SHORT: u64 = 4096;

/// Serves a connection up to the answer to its last request; a WebSocket goes on in a task of its own, so that
/// nothing of HTTP stays in memory.
pub(in crate::server) async fn serve_http1<S, M: Transfer<S>>(
    state: &Arc<HostState>,
    mut stream: S,
    context: RequestContext,
    mut permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let peer = context.peer.address;
    let head = match timeout_at(context.deadline, head::read(&mut stream, bounds(state))).await {
        Ok(Ok(Ok(head))) => head,
        Ok(Ok(Err(unfit))) => {
            tracing::debug!(%peer, "no HTTP request: {unfit}");
            let last = FinalResponse { response: unfit.answer(), show: BodyMode::Body, context };
            return send_final_response::<_, M>(state, stream, Vec::new(), last, permit).await;
        }
        Ok(Err(error)) => return tracing::debug!(%peer, "no HTTP request: {error}"),
        Err(_) => return tracing::debug!(%peer, "no HTTP request in time"),
    };
    permit.request_received();
    let context = context.with_challenge(head.challenge);
    let shared = Arc::new(Shared {
        state: Arc::clone(state),
        progress: Progress::new(Instant::now() + answer_time(state)),
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
        None => {
            close_behind_response(stream, state.linger_permits.try_acquire().ok(), permit).await
        }
    }
}

fn bounds(state: &HostState) -> Bounds {
    let limits = &state.config().limits;
    let is_let_in = state.config().versions.contains(handshake::Version::Draft00);
    Bounds {
        size: limits.max_header_size,
        headers: limits.max_headers,
        draft00: if is_let_in { Draft00::LetIn } else { Draft00::Refused },
    }
}

/// For how long a request may take, all in all. A handshake first waits for its handler, in a time of its own.
fn answer_time(state: &HostState) -> Duration {
    MAX_ANSWER_TIME + state.config().timeouts.handshake
}

/// What may follow a request on its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Request,
    /// A request, if the client has asked for that: before HTTP/1.1 it had to.
    IfAsked,
    /// Its body follows, which nobody reads: so the connection cannot be used again.
    Nothing,
}

impl After {
    fn what(request: &Request<Incoming>) -> Self {
        let asks_for_end = |value: &HeaderValue| {
            let mut tokens = value.as_bytes().split(|byte| *byte == b',');
            tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
        };
        if !request.body().is_end_stream() {
            Self::Nothing
        } else if request.version() != Version::HTTP_11
            || request.headers().get_all(CONNECTION).iter().any(asks_for_end)
        {
            Self::IfAsked
        } else {
            Self::Request
        }
    }
}

/// RFC 9112 §3.2: there is one host, and not only in handshakes. Before HTTP/1.1 there was no such header.
fn check_host(request: &Request<()>) -> Result<(), Rejection> {
    match request.headers().get_all(HOST).iter().count() {
        0 if request.version() == Version::HTTP_10 => Ok(()),
        0 => Err(Rejection::Host),
        1 => Ok(()),
        _ => Err(Rejection::Repeated("Host")),
    }
}

/// What the requests of a connection share.
struct Shared {
    state: Arc<HostState>,
    /// That of the first request.
    context: RequestContext,
    permit: Mutex<HandshakePermit>,
    requests: AtomicUsize,
    progress: Arc<Progress>,
    last: Mutex<Option<FinalResponse>>,
}

/// Stops the HTTP library: the answer is written here.
#[derive(Debug, thiserror::Error)]
#[error("the last answer is not the library's to write")]
struct Stop;

/// Answers requests up to the last one; the head of the first has this length. Gives the stream, with what has been read of it.
async fn serve_requests<S>(
    shared: &Arc<Shared>,
    stream: Prefixed<S>,
    head: usize,
) -> Option<(S, Vec<u8>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Shared { state, context, .. } = &**shared;
    let peer = context.peer.address;
    let service = service_fn(|request: Request<Incoming>| {
        // Here and not in the future, which is polled only after the library has looked for the client's end.
        let at_the_end =
            if server::is_upgrade(&request) { OnClientEof::GiveUp } else { OnClientEof::GoOn };
        shared.progress.begin(Instant::now() + answer_time(&shared.state), at_the_end);
        let shared = Arc::clone(shared);
        Box::pin(async move { shared.answer(request).await })
    });
    let stream = TrackedStream::new(stream, head, Arc::clone(&shared.progress));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The first head is here already.
        .header_read_timeout(MAX_IDLE)
        .title_case_headers(true)
        .max_headers(state.config().limits.max_headers)
        .max_buf_size(state.config().limits.max_header_size)
        .serve_connection(TokioIo::new(stream), service);
    let mut is_draining = false;
    let ended = loop {
        // Looked at again when a later request has made it another one.
        let deadline = shared.progress.deadline().min(Instant::now() + answer_time(state));
        tokio::select! {
            biased;
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            // Behind it: it is there that an answer gets its place.
            () = poll_fn(|context| shared.progress.poll_must_give_way(context)) => {
                tracing::debug!(%peer, "cut off: the answer gives way to another one");
                return None;
            }
            () = state.draining(), if !is_draining => {
                is_draining = true;
                // The first request is still answered.
                if shared.requests.load(Ordering::Relaxed) > 0 {
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
            () = sleep_until(deadline) => if shared.progress.deadline() <= Instant::now() {
                tracing::debug!(%peer, "the answer was not taken in time");
                return None;
            },
        }
    };
    if let (Err(error), None) = (&ended, &*shared.last.lock()) {
        tracing::debug!(%peer, "HTTP/1.1: {error}");
    }
    let parts = connection.into_parts();
    let (stream, ahead) = parts.io.into_inner().into_inner();
    let (stream, unread) = stream.into_parts();
    Some((stream, [&parts.read_buf[..], &ahead, &unread].concat()))
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<TrackedBody>, Stop> {
        let show =
            if request.method() == Method::HEAD { BodyMode::HeadOnly } else { BodyMode::Body };
        let follows = After::what(&request);
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        let context = match before {
            0 => self.context.clone(),
            _ => self.context.next_request(&self.state),
        };
        let request = request.map(drop);
        let answer = match check_host(&request) {
            Ok(()) => host::answer(&self.state, &request, context.clone()).await,
            Err(why) => Answer::OfHandshake(rejected(why, &request, &self.state.config().versions)),
        };
        match answer {
            Answer::Ordinary(mut response) => {
                let found = self.acquire_response_permit(&response);
                if found == Room::None {
                    response = unavailable("There are as many answers as there may be.\n");
                }
                let is_last = follows == After::Nothing
                    || found == Room::None
                    || before + 1 >= MAX_REQUESTS
                    || self.state.is_draining();
                let headers = response.headers_mut();
                if is_last
                    || self.permit.lock().keep_alive(&self.state.keep_alive_permits) == Room::None
                {
                    headers.insert(CONNECTION, HeaderValue::from_static("close"));
                } else if follows == After::Request {
                    headers.insert(KEEP_ALIVE, HeaderValue::from_static(KEPT_ALIVE));
                }
                Ok(response.map(|body| TrackedBody::new(body, Arc::clone(&self.progress))))
            }
            Answer::OfHandshake(response) => {
                if before > 0 {
                    // Answers to requests that came in one go with this one.
                    self.progress.flushed().await;
                }
                *self.last.lock() = Some(FinalResponse { response, show, context });
                Err(Stop)
            }
        }
    }

    /// Takes a place for an answer that does not go at once, until it is written.
    fn acquire_response_permit(&self, response: &Response<Body>) -> Room {
        if response.body().size_hint().upper().is_some_and(|length| length <= SHORT) {
            return Room::Found;
        }
        let client = self.context.peer.address.ip();
        match self.state.response_permits.try_take(client, Instant::now()) {
            Some((permit, eviction)) => {
                self.progress.hold(permit, eviction);
                Room::Found
            }
            None => Room::None,
        }
    }
}
