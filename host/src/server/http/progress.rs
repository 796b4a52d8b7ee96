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

use crate::server::answer::Body;
use crate::server::places::{Notice, Place};

/// Where no answer is being given: long enough to be never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

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
    place: Option<(Place, Pin<Box<dyn Future<Output = ()> + Send>>)>,
    /// Woken when the end of what the client sends may be seen.
    reader: Option<Waker>,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing, or what a client that leaves does not want any more.
    Open,
    /// An answer is being given to a client that has perhaps sent all that it will send.
    Answering,
    /// The whole of the answer is in the library's buffer.
    Taken,
}

/// What becomes of a request when the client sends nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtTheEnd {
    /// It is answered all the same: a client may close its side behind its last request.
    GoOn,
    /// Nobody is there to become a client.
    GiveUp,
}

impl Progress {
    /// Of a connection with a request that must be answered by then.
    pub(super) fn new(deadline: Instant) -> Arc<Self> {
        let state = State { deadline, stage: Stage::Open, place: None, reader: None };
        Arc::new(Self { state: Mutex::new(state), flushed: Notify::new() })
    }

    /// A request has come.
    pub(super) fn begin(&self, deadline: Instant, at_the_end: AtTheEnd) {
        let stage = match at_the_end {
            AtTheEnd::GoOn => Stage::Answering,
            AtTheEnd::GiveUp => Stage::Open,
        };
        *self.state.lock() = State { deadline, stage, place: None, reader: None };
    }

    /// The answer has a place until it is written.
    pub(super) fn hold(&self, place: Place, notice: Notice) {
        self.state.lock().place = Some((place, Box::pin(notice.given())));
    }

    /// Waits until the answer must give way to another one.
    pub(super) fn poll_must_give_way(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let notice = state.place.as_mut().map(|(_, notice)| notice.as_mut().poll(context));
        notice.unwrap_or(Poll::Pending)
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
        if let Some((place, _)) = &mut self.state.lock().place {
            place.renew(Instant::now());
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
            state.place = None;
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
        if state.stage != Stage::Open {
            state.reader = Some(context.waker().clone());
        }
        state.stage != Stage::Open
    }
}

/// The body of an answer, which tells when it has been taken.
pub(super) struct Watched {
    body: Body,
    progress: Arc<Progress>,
}

impl Watched {
    pub(super) fn new(body: Body, progress: Arc<Progress>) -> Self {
        Self { body, progress }
    }
}

impl hyper::body::Body for Watched {
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
impl Drop for Watched {
    fn drop(&mut self) {
        self.progress.taken();
    }
}

/// A stream that tells whenever the library that writes to it has nothing left to write.
pub(super) struct Flushed<S> {
    stream: S,
    progress: Arc<Progress>,
}

impl<S> Flushed<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>) -> Self {
        Self { stream, progress }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flushed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() == before && self.progress.hides_the_end(context) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flushed<S> {
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
