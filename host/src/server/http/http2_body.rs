//! Answers over HTTP/2. How fast an answer goes is up to its client, and the HTTP library waits for ever. So there are
//! only so many answers at a time, each has a deadline, and no more than a piece of each is in memory.

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

use super::http1::MAX_ANSWER_TIME;
use crate::server::permits::{Eviction, Permit, Permits};
use crate::server::response::{Body, unavailable};

tokio::task_local! {
    /// The stream whose task this is.
    static STREAM: Stream;
}

/// What is known of a stream when its request is answered.
#[derive(Default)]
struct Stream {
    /// When the answer has to end.
    end: Cell<Option<End>>,
    /// Who wants the task that writes, if the stream becomes a WebSocket.
    writer_to: Cell<Option<oneshot::Sender<JoinHandle<()>>>>,
}

/// An answer ends at its deadline, or when it has to give way to another one.
struct End {
    deadline: Instant,
    eviction: Eviction,
}

/// Runs the streams of connections: each in a task that is dropped when the answer has to end, which resets the stream.
#[derive(Clone)]
pub(super) struct Streams;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        match STREAM.try_with(|stream| stream.writer_to.take()) {
            // The library asks for this where a stream becomes a WebSocket.
            Ok(Some(writer_to)) => {
                // A client that has gone by now takes the task with it.
                let _ = writer_to.send(tokio::spawn(stream)).map_err(|writer| writer.abort());
            }
            _ => drop(tokio::spawn(STREAM.scope(Stream::default(), in_time(stream)))),
        }
    }
}

/// Runs a stream until it ends, or has to.
async fn in_time(stream: impl Future<Output = ()>) {
    let mut stream = pin!(stream);
    let mut end: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = None;
    std::future::poll_fn(|context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        if let Some(given) = STREAM.with(|stream| stream.end.take()) {
            end = Some(Box::pin(given.reached()));
        }
        end.as_mut().map_or(Poll::Pending, |end| end.as_mut().poll(context))
    })
    .await;
}

impl End {
    async fn reached(self) {
        tokio::select! {
            () = sleep_until(self.deadline) => {}
            () = self.eviction.requested() => {}
        }
        tracing::debug!("HTTP/2: the answer was not taken in time");
    }
}

/// Takes a place for an answer, until all of it is written. `with` is kept as long. If there is no place, the answer
/// becomes 503, without a body that would have to wait, too. To be called in a task of [`Streams`].
pub(super) fn bound<W>(
    response: Response<Body>,
    permits: &Arc<Permits>,
    client: IpAddr,
    with: W,
) -> Response<BoundedStream<W>> {
    if response.body().is_end_stream() {
        return response.map(|body| BoundedStream { body, going: None });
    }
    let now = Instant::now();
    let Some((permit, eviction)) = permits.try_take(client, now) else {
        let nothing = http_body_util::Empty::new().map_err(|never| match never {});
        return unavailable("")
            .map(|_| BoundedStream { body: nothing.boxed_unsync(), going: None });
    };
    let end = End { deadline: now + MAX_ANSWER_TIME, eviction };
    STREAM.with(|stream| stream.end.set(Some(end)));
    let going = Some(Going { permit, piece: Arc::default(), _with: with });
    response.map(|body| BoundedStream { body, going })
}

/// The task that will write to the WebSocket that is asked for. To be called in a task of [`Streams`].
pub(super) fn writer() -> oneshot::Receiver<JoinHandle<()>> {
    let (writer_to, writer) = oneshot::channel();
    STREAM.with(|stream| stream.writer_to.set(Some(writer_to)));
    writer
}

/// Waits until a client that has gone has taken what was left to be written to it: like an answer, which ends in time.
pub(super) async fn taken(
    writer: oneshot::Receiver<JoinHandle<()>>,
    permits: &Arc<Permits>,
    client: IpAddr,
) {
    let Ok(writer) = writer.await else { return };
    let writer = AbortOnDropHandle::new(writer);
    let now = Instant::now();
    let Some((_place, eviction)) = permits.try_take(client, now) else { return };
    tokio::select! {
        _ = writer => {}
        () = (End { deadline: now + MAX_ANSWER_TIME, eviction }).reached() => {}
    }
}

/// The body of an answer.
pub(super) struct BoundedStream<W> {
    body: Body,
    going: Option<Going<W>>,
}

struct Going<W> {
    permit: Permit,
    piece: Arc<Piece>,
    _with: W,
}

/// The piece of the body that the library has.
#[derive(Default)]
struct Piece(Mutex<State>);

#[derive(Default)]
struct State {
    is_there: bool,
    waker: Option<Waker>,
}

/// The bytes of a piece. The library drops them when they are written.
struct BorrowedPiece {
    bytes: Bytes,
    piece: Arc<Piece>,
}

impl Piece {
    /// Waits until the library has none.
    fn poll_written(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.is_there {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn lend(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        self.0.lock().is_there = true;
        Bytes::from_owner(BorrowedPiece { bytes, piece: Arc::clone(self) })
    }
}

impl AsRef<[u8]> for BorrowedPiece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for BorrowedPiece {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.piece.0.lock();
            state.is_there = false;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<W: Unpin> hyper::body::Body for BoundedStream<W> {
    type Data = Bytes;
    type Error = std::io::Error;

    /// The next piece, or the end, when the last one is written: so the stream is not over before.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let Self { body, going } = &mut *self;
        let Some(going) = going else { return Pin::new(body).poll_frame(context) };
        ready!(going.piece.poll_written(context));
        let frame = ready!(Pin::new(body).poll_frame(context)?);
        going.permit.renew(Instant::now());
        Poll::Ready(frame.map(|frame| Ok(frame.map_data(|bytes| going.piece.lend(bytes)))))
    }

    /// What the body says may be true only when its last piece is written.
    fn is_end_stream(&self) -> bool {
        self.going.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
