//! The I/O of one connection: its socket, its close deadline, and the output that is written while the task waits.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::end::EndCause;
use crate::outgoing::Outgoing;
use crate::shared::Shared;
use crate::stream::Stream;

/// How much is read at once, in bytes. This is the length of the longest TLS record.
const READ_SIZE: usize = 16 << 10;

/// The socket and the close deadline of one connection. The methods that wait also write output.
pub(crate) struct ConnectionIo<'a> {
    stream: Box<dyn Stream>,
    shared: &'a Shared,
    close_timeout: Duration,
    /// The deadline for the end of the closing handshake. Set when the closing handshake starts.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether everything that was written has been flushed. A stream such as TLS may hold back bytes.
    is_flushed: bool,
    /// Why writing failed. Data that the server sent before the failure can still be read.
    broken: Option<io::Error>,
}

impl<'a> ConnectionIo<'a> {
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        shared: &'a Shared,
        close_timeout: Duration,
    ) -> Self {
        Self { stream, shared, close_timeout, deadline: None, is_flushed: true, broken: None }
    }

    /// Returns a new buffer for reading.
    pub(crate) fn buffer() -> Box<[u8]> {
        vec![0; READ_SIZE].into_boxed_slice()
    }

    /// Waits for bytes from the server.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, EndCause> {
        poll_fn(|context| {
            let _ = self.poll_output(context);
            // The deadline is checked before the input, because the input may never end.
            self.poll_deadline(context)?;
            match ready!(self.poll_input(context, buffer)) {
                Ok(0) => {
                    let broken = self.broken.take();
                    Poll::Ready(Err(broken.map_or(EndCause::EndOfStream, EndCause::Lost)))
                }
                Ok(count) => Poll::Ready(Ok(count)),
                Err(error) => Poll::Ready(Err(EndCause::Lost(self.broken.take().unwrap_or(error)))),
            }
        })
        .await
    }

    /// Waits for another future, and writes output at the same time.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `wait`, which is dropped with this future.
    pub(crate) async fn drive<T>(&mut self, wait: impl Future<Output = T>) -> Result<T, EndCause> {
        let mut wait = pin!(wait);
        poll_fn(|context| {
            if let Poll::Ready(value) = wait.as_mut().poll(context) {
                return Poll::Ready(Ok(value));
            }
            let _ = self.poll_output(context);
            self.poll_deadline(context)?;
            Poll::Pending
        })
        .await
    }

    /// Writes the last frames, and waits until the server has closed the TCP connection, as RFC 6455 §7.1.1 requires of
    /// the server. The wait ends at the deadline at the latest. Then the socket is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub(crate) async fn close_gracefully(mut self, end: &EndCause) {
        // §7.1.7: an endpoint that fails a connection does not wait for an answer. So it shuts down immediately.
        let mut must_shut_down = match end {
            EndCause::Failed(_) => true,
            EndCause::Closed(_) => false,
            _ => return,
        };
        let mut ignored = Self::buffer();
        poll_fn(|context| {
            let is_written = self.poll_output(context).is_ready();
            if self.poll_deadline(context).is_err() {
                return Poll::Ready(());
            }
            if is_written && must_shut_down {
                must_shut_down = Pin::new(&mut self.stream).poll_shutdown(context).is_pending();
            }
            // An error and the end of the stream both mean that the server has left.
            while let Ok(1..) = ready!(self.poll_input(context, &mut ignored)) {
                if self.poll_deadline(context).is_err() {
                    break;
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    fn poll_input(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut read = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Writes the queued output, and registers to be woken when there is more. Ready when everything has been written.
    fn poll_output(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.shared.lock();
        inner.sleep(context);
        let mut poll = Poll::Ready(());
        if self.broken.is_none() {
            poll = poll_write(&mut self.stream, &mut self.is_flushed, &mut inner.outgoing, context)
                .map(|written| {
                    if let Err(error) = written {
                        inner.outgoing.discard();
                        self.broken = Some(error);
                    }
                });
        }
        if inner.outgoing.is_closing() && self.deadline.is_none() {
            self.deadline = Some(Box::pin(sleep(self.close_timeout)));
        }
        poll
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Result<(), EndCause> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            let broken = self.broken.take();
            return Err(broken.map_or(EndCause::CloseTimeout, EndCause::Lost));
        }
        Ok(())
    }
}

fn poll_write(
    stream: &mut (impl AsyncWrite + Unpin),
    is_flushed: &mut bool,
    outgoing: &mut Outgoing,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while outgoing.outbound().has_remaining() {
        // Only a server shares frames between connections, so a client's output is a single chunk.
        let written =
            ready!(Pin::new(&mut *stream).poll_write(context, outgoing.outbound().chunk()))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        *is_flushed = false;
        outgoing.advance(written);
    }
    if !*is_flushed {
        ready!(Pin::new(stream).poll_flush(context))?;
        *is_flushed = true;
    }
    Poll::Ready(Ok(()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, BufWriter, duplex};
    use tokio::time::timeout;

    use super::*;
    use crate::options::Options;
    use crate::outgoing::{Completion, Frame};

    #[tokio::test(start_paused = true)]
    async fn bytes_that_the_stream_buffers_are_flushed() {
        let (ours, mut theirs) = duplex(1000);
        let shared = Shared::new(&Options::new("ws://h/").unwrap());
        shared.send(Frame::Text("x"), Completion::Ignored).unwrap();
        let mut connection =
            ConnectionIo::new(Box::new(BufWriter::new(ours)), &shared, Duration::from_secs(5));
        let (mut buffer, mut frame) = (ConnectionIo::buffer(), [0; 7]);
        let read = timeout(Duration::from_secs(1), async {
            tokio::select! {
                _ = connection.read(&mut buffer) => panic!("nothing was sent to us"),
                read = theirs.read_exact(&mut frame) => read,
            }
        });
        read.await.expect("the frame is flushed").unwrap();
        assert_eq!(frame[..2], [0x81, 0x81]);
    }
}
