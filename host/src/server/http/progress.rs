//! Tracks how far hyper has written a response: whether hyper has read the whole body, and whether it has written
//! everything. Until everything is written, `TrackedStream` hides from hyper that the client has closed its side.
//! Otherwise hyper would drop the response, although the client may still read it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use hyper::body::{Bytes, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connection::NEVER;
use crate::server::permits::{Eviction, Permit};
use crate::server::response::Body;

/// How many bytes are read ahead while a handshake is being answered.
const MAX_READ_AHEAD: usize = 4096;

/// Resolves when a response is evicted to make room for another response.
type Evicted = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The progress of the responses on one connection.
pub(super) struct Progress {
    state: Mutex<State>,
    flushed: Notify,
}

struct State {
    /// The deadline for writing the response.
    deadline: Instant,
    stage: Stage,
    /// The permit of a long response.
    permit: Option<(Permit, Evicted)>,
    /// The task that reads. It is woken when it may report to hyper that the client has closed its side.
    reader: Option<Waker>,
}

/// What is happening on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    /// A handshake is being answered. A client that closes its side before the response counts as gone.
    Handshake,
    /// Another request is being answered. The client may close its side and still read the response.
    Responding,
    /// hyper has read the whole body of the response into its buffer.
    Buffered,
}

/// What happens to a request whose client closes its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnClientEof {
    /// The request is still answered, because a client may close its side after its last request.
    Respond,
    /// The request is dropped. The client can send nothing more, and a WebSocket needs both directions.
    Abort,
}

impl Progress {
    /// Starts to track the responses on a connection. The first response must be written by the deadline.
    pub(super) fn new(deadline: Instant) -> Arc<Self> {
        let state = State { deadline, stage: Stage::Idle, permit: None, reader: None };
        Arc::new(Self { state: Mutex::new(state), flushed: Notify::new() })
    }

    /// Records that a request has arrived.
    pub(super) fn request_arrived(&self, deadline: Instant, on_eof: OnClientEof) {
        let stage = match on_eof {
            OnClientEof::Respond => Stage::Responding,
            OnClientEof::Abort => Stage::Handshake,
        };
        *self.state.lock() = State { deadline, stage, permit: None, reader: None };
    }

    /// Holds the permit of the response until the response is written.
    pub(super) fn hold_permit(&self, permit: Permit, eviction: Eviction) {
        self.state.lock().permit = Some((permit, Box::pin(eviction.requested())));
    }

    /// Waits until the response is evicted to make room for another response.
    pub(super) fn poll_evicted(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let evicted = state.permit.as_mut().map(|(_, evicted)| evicted.as_mut().poll(context));
        evicted.unwrap_or(Poll::Pending)
    }

    pub(super) fn deadline(&self) -> Instant {
        self.state.lock().deadline
    }

    /// Waits until hyper has nothing left to write.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn flushed(&self) {
        self.flushed.notified().await;
    }

    /// Records that hyper has read more of the body. hyper reads more once enough of its buffer is written.
    fn body_read(&self) {
        if let Some((permit, _)) = &mut self.state.lock().permit {
            permit.renew(Instant::now());
        }
    }

    /// Records that hyper has read the whole body.
    fn body_ended(&self) {
        self.state.lock().stage = Stage::Buffered;
    }

    /// Records that hyper has written everything in its buffer.
    fn buffer_flushed(&self) {
        let mut state = self.state.lock();
        if state.stage == Stage::Buffered {
            state.stage = Stage::Idle;
            state.deadline = Instant::now() + NEVER;
            state.permit = None;
        }
        let reader = if state.stage == Stage::Idle { state.reader.take() } else { None };
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        self.flushed.notify_waiters();
    }

    /// Returns whether hyper must not learn yet that the client has closed its side. If so, the reader is woken when
    /// the response is written.
    fn hides_eof(&self, context: &Context<'_>) -> bool {
        let mut state = self.state.lock();
        let hides = !matches!(state.stage, Stage::Idle | Stage::Handshake);
        if hides {
            state.reader = Some(context.waker().clone());
        }
        hides
    }

    fn is_handshake(&self) -> bool {
        self.state.lock().stage == Stage::Handshake
    }
}

/// The body of a response, which records how far hyper has read it.
pub(super) struct TrackedBody {
    body: Body,
    progress: Arc<Progress>,
}

impl TrackedBody {
    pub(super) fn new(body: Body, progress: Arc<Progress>) -> Self {
        Self { body, progress }
    }
}

impl hyper::body::Body for TrackedBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.progress.body_read();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// hyper drops a body as soon as it has read all of it, so the drop marks the end of the body.
impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.progress.body_ended();
    }
}

/// A stream that records when hyper has nothing left to write. It also withholds the bytes that follow a handshake,
/// because as long as there are bytes to read, hyper does not notice that the client has closed its side.
pub(super) struct TrackedStream<S> {
    stream: S,
    /// How many bytes of the first request's head have not been read by hyper yet.
    head_left: usize,
    /// The bytes that follow a handshake, read ahead while it is being answered.
    read_ahead: Vec<u8>,
    progress: Arc<Progress>,
}

impl<S> TrackedStream<S> {
    /// Wraps a stream that begins with a head of `head_length` bytes.
    pub(super) fn new(stream: S, head_length: usize, progress: Arc<Progress>) -> Self {
        Self { stream, head_left: head_length, read_ahead: Vec::new(), progress }
    }

    /// Returns the stream, and the bytes that were withheld from hyper.
    pub(super) fn into_inner(self) -> (S, Vec<u8>) {
        (self.stream, self.read_ahead)
    }
}

impl<S: AsyncRead + Unpin> TrackedStream<S> {
    /// Reads at most `limit` bytes.
    fn poll_read_limited(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        limit: usize,
    ) -> Poll<std::io::Result<usize>> {
        let limit = limit.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(limit));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let length = part.filled().len();
        buffer.advance(length);
        Poll::Ready(Ok(length))
    }

    /// Reads ahead until the client closes its side. Never resolves if the client sends more than the limit for reading
    /// ahead.
    fn poll_eof(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while self.read_ahead.len() < MAX_READ_AHEAD {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.read_ahead.extend_from_slice(buffer.filled());
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.head_left > 0 {
            let head_left = self.head_left;
            self.head_left -= ready!(self.poll_read_limited(context, buffer, head_left))?;
            return Poll::Ready(Ok(()));
        }
        if self.progress.is_handshake() {
            return self.poll_eof(context);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() == before && self.progress.hides_eof(context) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes the stream when its own buffer is empty, so at this point everything is written.
    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.progress.buffer_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
