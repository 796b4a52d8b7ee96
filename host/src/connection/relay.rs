//! Copies the bytes of a client that another host serves, in both directions, without parsing messages.
//!
//! One task copies both directions. It reads into a buffer that its thread lends, and keeps only the bytes that the
//! destination has not taken yet. While it keeps bytes of one direction, it reads no more in this direction. So
//! backpressure reaches the sender, and the edge keeps at most [`MAX_READ`] bytes for each direction of a client.

use std::future::poll_fn;
use std::io::{ErrorKind, Result};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::buffer::Buffer;
use super::frames::Frames;
use super::liveness::{InputState, LivenessTimer, TimerEvent};
use crate::clients::HostClose;
use crate::config::ResourceConfig;

/// The maximum number of bytes of one read. It is therefore also the maximum number of bytes that are kept for one
/// destination.
const MAX_READ: usize = 32 << 10;

/// The maximum number of reads in one direction before the task yields to other tasks of the worker.
const MAX_READS: usize = 8;

/// How a relay ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayEnd {
    #[error("both sides closed the connection")]
    Closed,
    #[error(
        "the owner of the path closed the connection, and the client did not close its side in time"
    )]
    ClientStayed,
    #[error("the client was too slow to read what was sent to it")]
    ClientStalled,
    #[error("the lease of the path's owner was fenced, and another host takes over")]
    OwnerFenced,
    #[error("the connection to the client was lost: {0}")]
    ClientLost(std::io::Error),
    #[error("the connection to the owner of the path was lost: {0}")]
    OwnerLost(std::io::Error),
}

/// What can end a relay, apart from its two streams.
pub(crate) struct Ends<'a, C, F> {
    /// Resolves when the client has taken too long to close its side. This future is not polled until the client has
    /// received everything, or is being closed.
    pub(crate) client_closes: C,
    /// Resolves when another host may take over from the owner.
    pub(crate) owner_fenced: F,
    /// The settings that say how fast the client must read its output.
    pub(crate) settings: &'a ResourceConfig,
}

/// One direction of a relay.
struct Direction {
    /// Bytes that were read, and that the destination has not taken yet.
    kept: Vec<u8>,
    written: usize,
    state: State,
    /// Tracks the frames in the bytes that were read.
    frames: Option<Frames>,
    /// How many bytes the source has sent and how many the destination has taken, since these numbers were last read.
    sent: usize,
    taken: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The source has ended. Once the destination has taken all bytes, the destination is shut down.
    Ending,
    Ended,
}

/// The side on which an error happened.
enum Lost {
    Source(std::io::Error),
    Destination(std::io::Error),
}

/// Copies until both sides have closed their streams, or until one side is lost. Writes `to_owner` and `to_client`
/// first. A client that reads less than `min-rate` while bytes wait for it counts as lost. If another host may take
/// over from the owner, the client is closed with 1012. But if the client has received only a part of a frame, no close
/// frame can be sent.
///
/// # Cancel safety
///
/// Both streams are borrowed. If the future is dropped, bytes that were read but not written are lost.
pub(crate) async fn relay(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    owner: &mut (impl AsyncRead + AsyncWrite + Unpin),
    to_owner: Vec<u8>,
    to_client: Vec<u8>,
    ends: Ends<'_, impl Future<Output = ()>, impl Future<Output = ()>>,
) -> RelayEnd {
    let Ends { client_closes, owner_fenced, settings } = ends;
    let mut upwards = Direction::new(to_owner);
    let mut downwards = Direction::new(to_client).following();
    let mut liveness = LivenessTimer::start(&settings.limits, &settings.timeouts);
    let (mut client_closes, mut owner_fenced) = (pin!(client_closes), pin!(owner_fenced));
    let end = poll_fn(|context| {
        if downwards.state != State::Ended && owner_fenced.as_mut().poll(context).is_ready() {
            return Poll::Ready(RelayEnd::OwnerFenced);
        }
        match downwards.poll(owner, client, context) {
            Poll::Ready(Err(Lost::Source(error))) => {
                return Poll::Ready(RelayEnd::OwnerLost(error));
            }
            Poll::Ready(Err(Lost::Destination(error))) => {
                return Poll::Ready(RelayEnd::ClientLost(error));
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        match upwards.poll(client, owner, context) {
            Poll::Ready(Err(Lost::Source(error))) => {
                return Poll::Ready(RelayEnd::ClientLost(error));
            }
            // This error counts only while the owner's stream is open. An owner that has ended its stream may be done
            // with the client, so the owner's last bytes are still delivered.
            Poll::Ready(Err(Lost::Destination(error))) if downwards.state == State::Open => {
                return Poll::Ready(RelayEnd::OwnerLost(error));
            }
            Poll::Ready(Err(Lost::Destination(_))) => upwards.discard(),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if downwards.state == State::Ended {
            if upwards.state == State::Ended {
                return Poll::Ready(RelayEnd::Closed);
            }
            return client_closes.as_mut().poll(context).map(|()| RelayEnd::ClientStayed);
        }
        if is_stalled(&mut liveness, &mut upwards, &mut downwards, context) {
            return Poll::Ready(RelayEnd::ClientStalled);
        }
        Poll::Pending
    })
    .await;
    if let RelayEnd::OwnerFenced = end
        && let Some(bytes) = downwards.last_bytes()
    {
        tokio::select! {
            () = close(client, &bytes) => {}
            () = client_closes => {}
        }
    }
    end
}

/// Returns whether the client reads its waiting output too slowly.
fn is_stalled(
    liveness: &mut LivenessTimer,
    upwards: &mut Direction,
    downwards: &mut Direction,
    context: &mut Context<'_>,
) -> bool {
    if std::mem::take(&mut upwards.sent) > 0 {
        liveness.note_received();
    }
    liveness.note_written(std::mem::take(&mut downwards.taken));
    if !downwards.kept.is_empty() {
        liveness.note_output_waiting();
    }
    if downwards.state == State::Ending {
        liveness.begin_flushing();
    }
    // A silent client is no error here, because the owner pings the client.
    while let Some(event) = liveness.poll_due(context, InputState::Paused) {
        if event == TimerEvent::Stalled {
            return true;
        }
    }
    false
}

/// Sends the last bytes, and waits until the client has closed its side.
async fn close(client: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) {
    let closing = async {
        client.write_all(bytes).await?;
        client.shutdown().await?;
        while client.read(&mut [0; 1024]).await? > 0 {}
        Result::Ok(())
    };
    // Closing fails only if the client has gone.
    let _ = closing.await;
}

impl Direction {
    fn new(kept: Vec<u8>) -> Self {
        Self { kept, written: 0, state: State::Open, frames: None, sent: 0, taken: 0 }
    }

    /// Begins to track the frames of this direction.
    fn following(mut self) -> Self {
        let mut frames = Frames::default();
        frames.follow(&self.kept);
        self.frames = Some(frames);
        self
    }

    /// Returns what is left to send if the source ends now: the bytes that are kept, and a close frame. Returns `None`
    /// if a close frame is not possible.
    fn last_bytes(&self) -> Option<Vec<u8>> {
        if !self.frames.as_ref()?.can_close() {
            return None;
        }
        let (code, reason) = (HostClose::Moved.code().number(), HostClose::Moved.reason());
        // RFC 6455 §5.5.1. One byte is enough for the length, because the reason is shorter than 124 bytes.
        let header = [0x88, 2 + reason.len() as u8];
        Some([&self.kept[self.written..], &header, &code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// Ends this direction, and drops the bytes that are kept.
    fn discard(&mut self) {
        *self = Self { state: State::Ended, ..Self::new(Vec::new()) };
    }

    /// Copies until there is nothing to read, or the destination takes no more. Returns `Ready` if the direction has
    /// ended.
    #[inline(always)]
    fn poll(
        &mut self,
        source: &mut (impl AsyncRead + Unpin),
        destination: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<std::result::Result<(), Lost>> {
        for _ in 0..MAX_READS {
            ready!(self.poll_kept(destination, context)).map_err(Lost::Destination)?;
            match self.state {
                State::Open => {}
                State::Ending => {
                    let ended = ready!(Pin::new(&mut *destination).poll_shutdown(context));
                    self.state = State::Ended;
                    // An error means that the destination has gone, so there is nothing more to do.
                    let _ = ended;
                    return Poll::Ready(Ok(()));
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
            let mut buffer = Buffer::shared();
            let mut read = ReadBuf::new(&mut buffer[..MAX_READ]);
            let polled = Pin::new(&mut *source).poll_read(context, &mut read);
            if polled.is_pending() {
                return flush(destination, context);
            }
            ready!(polled).or_else(unclean_end).map_err(Lost::Source)?;
            let filled = read.filled();
            if filled.is_empty() {
                self.state = State::Ending;
                continue;
            }
            self.sent += filled.len();
            if let Some(frames) = &mut self.frames {
                frames.follow(filled);
            }
            let mut written = 0;
            while written < filled.len() {
                match poll_write(destination, &filled[written..], context) {
                    Poll::Ready(Ok(count)) => {
                        written += count;
                        self.taken += count;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Lost::Destination(error))),
                    Poll::Pending => {
                        self.kept = filled[written..].to_vec();
                        break;
                    }
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes the bytes that are kept.
    fn poll_kept(
        &mut self,
        destination: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        while self.written < self.kept.len() {
            let rest = &self.kept[self.written..];
            match poll_write(destination, rest, context) {
                Poll::Ready(count) => {
                    let count = count?;
                    self.written += count;
                    self.taken += count;
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        if !self.kept.is_empty() {
            (self.kept, self.written) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

/// Flushes the destination, because a TLS stream may still hold the last bytes. Always pending, unless there is an
/// error.
fn flush(
    destination: &mut (impl AsyncWrite + Unpin),
    context: &mut Context<'_>,
) -> Poll<std::result::Result<(), Lost>> {
    match Pin::new(destination).poll_flush(context) {
        Poll::Ready(Err(error)) => Poll::Ready(Err(Lost::Destination(error))),
        Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
    }
}

fn poll_write(
    destination: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    context: &mut Context<'_>,
) -> Poll<Result<usize>> {
    match ready!(Pin::new(destination).poll_write(context, bytes)) {
        Ok(0) => Poll::Ready(Err(ErrorKind::WriteZero.into())),
        written => Poll::Ready(written),
    }
}

/// Treats the end of a TLS stream without a `close_notify` as an ordinary end.
fn unclean_end(error: std::io::Error) -> Result<()> {
    if error.kind() == ErrorKind::UnexpectedEof { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests;
