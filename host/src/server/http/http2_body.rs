//! Limits of HTTP/2 responses. The client decides how fast it reads a response, and hyper waits for the client forever.
//! So the number of responses in flight is limited, each has a deadline, and only one chunk of each is in memory.

use std::cell::Cell;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use http::Response;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Bytes, Frame, SizeHint};
use hyper::rt::Executor;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::http1::RESPONSE_TIMEOUT;
use crate::server::permits::{Eviction, Permit, Permits};
use crate::server::response::{Body, unavailable};

tokio::task_local! {
    /// The context of the stream that the current task serves.
    static STREAM: StreamContext;
}

/// Data for the task that serves the stream. It is set while the request is being answered.
#[derive(Default)]
struct StreamContext {
    /// When to cut the response off.
    cutoff: Cell<Option<Cutoff>>,
    /// The channel for the task that writes to the stream, if the stream becomes a WebSocket.
    writer_sender: Cell<Option<oneshot::Sender<JoinHandle<()>>>>,
}

/// When a response is cut off: at its deadline, or when it is evicted to make room for another response.
struct Cutoff {
    deadline: Instant,
    eviction: Eviction,
}

/// Runs each stream in a task of its own. At the cutoff of the response, the stream is dropped, which resets it.
#[derive(Clone)]
pub(super) struct StreamExecutor;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        match STREAM.try_with(|context| context.writer_sender.take()) {
            // hyper spawns this task when a stream becomes a WebSocket.
            Ok(Some(writer_sender)) => {
                // Sending fails if the client has already gone. In that case nobody needs the task.
                let _ = writer_sender.send(tokio::spawn(stream)).map_err(|writer| writer.abort());
            }
            _ => {
                let stream = run_until_cutoff(stream);
                drop(tokio::spawn(STREAM.scope(StreamContext::default(), stream)));
            }
        }
    }
}

/// Runs a stream until it ends, or until the cutoff of its response.
async fn run_until_cutoff(stream: impl Future<Output = ()>) {
    let mut stream = pin!(stream);
    let mut cutoff: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = None;
    std::future::poll_fn(|context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        if let Some(new) = STREAM.with(|context| context.cutoff.take()) {
            cutoff = Some(Box::pin(new.reached()));
        }
        cutoff.as_mut().map_or(Poll::Pending, |cutoff| cutoff.as_mut().poll(context))
    })
    .await;
}

impl Cutoff {
    /// Waits until the response must be cut off, and logs the cutoff.
    async fn reached(self) {
        tokio::select! {
            () = sleep_until(self.deadline) => {}
            () = self.eviction.requested() => {}
        }
        tracing::debug!(
            "HTTP/2: cut off a response: the client did not read it in time, or it was canceled to make room for \
             another response"
        );
    }
}

/// Acquires a permit. The response holds the permit and `guard` until all of the response is written. Without a permit,
/// the response becomes a 503 with no body, because a body would need a permit too. Must be called in a task of
/// [`StreamExecutor`].
pub(super) fn with_permit<G>(
    response: Response<Body>,
    permits: &Arc<Permits>,
    client: IpAddr,
    guard: G,
) -> Response<ResponseBody<G>> {
    if response.body().is_end_stream() {
        return response.map(|body| ResponseBody { body, in_flight: None });
    }
    let now = Instant::now();
    let Some((permit, eviction)) = permits.try_acquire(client, now) else {
        let empty = http_body_util::Empty::new().map_err(|never| match never {});
        return unavailable("")
            .map(|_| ResponseBody { body: empty.boxed_unsync(), in_flight: None });
    };
    let cutoff = Cutoff { deadline: now + RESPONSE_TIMEOUT, eviction };
    STREAM.with(|context| context.cutoff.set(Some(cutoff)));
    let in_flight = Some(InFlight { permit, chunk: Arc::default(), _guard: guard });
    response.map(|body| ResponseBody { body, in_flight })
}

/// Returns a receiver. It gets the handle of the task that will write to the requested WebSocket. Must be called in a
/// task of [`StreamExecutor`].
pub(super) fn writer_receiver() -> oneshot::Receiver<JoinHandle<()>> {
    let (writer_sender, writer) = oneshot::channel();
    STREAM.with(|context| context.writer_sender.set(Some(writer_sender)));
    writer
}

/// Waits until the remaining data of a WebSocket is written. This is called after the client of the WebSocket has gone.
/// Like a response, this wait needs a permit and has a deadline.
pub(super) async fn finish_writing(
    writer: oneshot::Receiver<JoinHandle<()>>,
    permits: &Arc<Permits>,
    client: IpAddr,
) {
    let Ok(writer) = writer.await else { return };
    let writer = AbortOnDropHandle::new(writer);
    let now = Instant::now();
    let Some((_permit, eviction)) = permits.try_acquire(client, now) else { return };
    tokio::select! {
        _ = writer => {}
        () = (Cutoff { deadline: now + RESPONSE_TIMEOUT, eviction }).reached() => {}
    }
}

/// The body of a response, handed to hyper one chunk at a time.
pub(super) struct ResponseBody<G> {
    body: Body,
    /// `None` for an empty body.
    in_flight: Option<InFlight<G>>,
}

/// What a response holds until it is written.
struct InFlight<G> {
    permit: Permit,
    chunk: Arc<ChunkState>,
    _guard: G,
}

/// Whether hyper still has a chunk that it has not written.
#[derive(Default)]
struct ChunkState(Mutex<State>);

#[derive(Default)]
struct State {
    is_lent: bool,
    waker: Option<Waker>,
}

/// The bytes of a chunk. hyper drops them once they are written.
struct LentChunk {
    bytes: Bytes,
    state: Arc<ChunkState>,
}

impl ChunkState {
    /// Waits until hyper has written the chunk.
    fn poll_written(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.is_lent {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Returns bytes that mark the chunk as written when they are dropped.
    fn lend(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        self.0.lock().is_lent = true;
        Bytes::from_owner(LentChunk { bytes, state: Arc::clone(self) })
    }
}

impl AsRef<[u8]> for LentChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for LentChunk {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.state.0.lock();
            state.is_lent = false;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<G: Unpin> hyper::body::Body for ResponseBody<G> {
    type Data = Bytes;
    type Error = std::io::Error;

    /// Returns the next chunk, or the end, once the previous chunk is written. So the stream stays open until its last
    /// chunk is written.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let Self { body, in_flight } = &mut *self;
        let Some(in_flight) = in_flight else { return Pin::new(body).poll_frame(context) };
        ready!(in_flight.chunk.poll_written(context));
        let frame = ready!(Pin::new(body).poll_frame(context)?);
        in_flight.permit.renew(Instant::now());
        Poll::Ready(frame.map(|frame| Ok(frame.map_data(|bytes| in_flight.chunk.lend(bytes)))))
    }

    /// Whether the body has ended. A body in flight has not ended until its last chunk is written.
    fn is_end_stream(&self) -> bool {
        self.in_flight.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
