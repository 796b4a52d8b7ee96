//! How far an HTTP library has come with an answer: whether its body has been taken, and whether it is written. Until
//! then the library does not see that the client has closed its side, which is no reason not to answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use hyper::body::{Bytes, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::server::permits::{Eviction, Permit};
use crate::server::response::Body;

/// Where no answer is being given: long enough to be never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How much is read behind a handshake while that is answered, in bytes.
const MAX_AHEAD: usize = 4096;

/// Ends when an answer must give way to another one.
type MustGiveWay = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How far the answers of one connection have come.
pub(super) struct Progress {
    state: Mutex<State>,
    flushed: Notify,
}

struct State {
    /// Until when the answer must have been written.
    deadline: Instant,
    stage: Stage,
    /// Of an answer that does not go at once.
    permit: Option<(Permit, MustGiveWay)>,
    /// Woken when the end of what the client sends may be seen.
    reader: Option<Waker>,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing.
    Open,
    /// A handshake is being answered, to a client that has perhaps left and does not want that any more.
    Joining,
    /// An answer is being given to a client that has perhaps sent all that it will send.
    Answering,
    /// The whole of the answer is in the library's buffer.
    Taken,
}

/// What becomes of a request when the client sends nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnClientEof {
    /// It is answered all the same: a client may close its side behind its last request.
    GoOn,
    /// Nobody is there to become a client.
    GiveUp,
}

impl Progress {
    /// Of a connection with a request that must be answered by then.
    pub(super) fn new(deadline: Instant) -> Arc<Self> {
        let state = State { deadline, stage: Stage::Open, permit: None, reader: None };
        Arc::new(Self { state: Mutex::new(state), flushed: Notify::new() })
    }

    /// A request has come.
    pub(super) fn begin(&self, deadline: Instant, at_the_end: OnClientEof) {
        let stage = match at_the_end {
            OnClientEof::GoOn => Stage::Answering,
            OnClientEof::GiveUp => Stage::Joining,
        };
        *self.state.lock() = State { deadline, stage, permit: None, reader: None };
    }

    /// The answer has a place until it is written.
    pub(super) fn hold(&self, permit: Permit, eviction: Eviction) {
        self.state.lock().permit = Some((permit, Box::pin(eviction.requested())));
    }

    /// Waits until the answer must give way to another one.
    pub(super) fn poll_must_give_way(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let eviction = state.permit.as_mut().map(|(_, eviction)| eviction.as_mut().poll(context));
        eviction.unwrap_or(Poll::Pending)
    }

    pub(super) fn deadline(&self) -> Instant {
        self.state.lock().deadline
    }

    /// Waits until the library has nothing left to write.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn flushed(&self) {
        self.flushed.notified().await;
    }

    /// The library has written enough to ask for more.
    fn asked_for_more(&self) {
        if let Some((permit, _)) = &mut self.state.lock().permit {
            permit.renew(Instant::now());
        }
    }

    fn taken(&self) {
        self.state.lock().stage = Stage::Taken;
    }

    fn written(&self) {
        let mut state = self.state.lock();
        if state.stage == Stage::Taken {
            state.stage = Stage::Open;
            state.deadline = Instant::now() + NEVER;
            state.permit = None;
        }
        let reader = if state.stage == Stage::Open { state.reader.take() } else { None };
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        self.flushed.notify_waiters();
    }

    /// Whether the end is to be seen later, when the answer is written: the library would drop it.
    fn hides_the_end(&self, context: &Context<'_>) -> bool {
        let mut state = self.state.lock();
        let hides = !matches!(state.stage, Stage::Open | Stage::Joining);
        if hides {
            state.reader = Some(context.waker().clone());
        }
        hides
    }

    fn is_joining(&self) -> bool {
        self.state.lock().stage == Stage::Joining
    }
}

/// The body of an answer, which tells when it has been taken.
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
        self.progress.asked_for_more();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The library keeps a body for as long as it wants more of it.
impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.progress.taken();
    }
}

/// A stream that tells whenever the library that writes to it has nothing left to write. The library looks for the
/// client's end only where it has nothing to read: so what comes behind a handshake is kept from it.
pub(super) struct TrackedStream<S> {
    stream: S,
    /// What is left of the head of the first request.
    head: usize,
    /// What came behind a handshake while that is answered.
    ahead: Vec<u8>,
    progress: Arc<Progress>,
}

impl<S> TrackedStream<S> {
    pub(super) fn new(stream: S, head: usize, progress: Arc<Progress>) -> Self {
        Self { stream, head, ahead: Vec::new(), progress }
    }

    /// The stream, and what was read of it that the library did not get.
    pub(super) fn into_inner(self) -> (S, Vec<u8>) {
        (self.stream, self.ahead)
    }
}

impl<S: AsyncRead + Unpin> TrackedStream<S> {
    /// Reads so much at most.
    fn poll_read_part(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<std::io::Result<usize>> {
        let most = most.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let length = part.filled().len();
        buffer.advance(length);
        Poll::Ready(Ok(length))
    }

    /// Reads ahead until the client ends. One that sends much before it is let in is not heard any more.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while self.ahead.len() < MAX_AHEAD {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.ahead.extend_from_slice(buffer.filled());
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
        if self.head > 0 {
            let head = self.head;
            self.head -= ready!(self.poll_read_part(context, buffer, head))?;
            return Poll::Ready(Ok(()));
        }
        if self.progress.is_joining() {
            return self.poll_end(context);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() == before && self.progress.hides_the_end(context) {
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

    /// The library flushes when its own buffer is empty.
    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.progress.written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
