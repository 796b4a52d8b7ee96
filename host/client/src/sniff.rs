//! What a server says first, which tells why it was not understood.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::Stream;

/// A stream whose first input is remembered.
///
/// A server that refuses says why and closes, and may do so before it was written to. Then writing fails
/// before anybody has read the reason. So here that is left to reading, which has the reason and the end.
pub(crate) struct Sniffed {
    stream: Box<dyn Stream>,
    first: Arc<OnceLock<First>>,
}

/// What the server said first; shared with the stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scent(Arc<OnceLock<First>>);

/// The first input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum First {
    /// A record of TLS, most likely an alert.
    Tls,
    /// `HTTP/1.1`.
    Http1,
    /// A frame of HTTP/2: the length of the first one, `SETTINGS`, begins with 0.
    Http2,
    /// An error of TLS: TLS 1.3 tells only now what it thinks of a client's certificate.
    Refusal(rustls::Error),
    /// None: the server closed the connection.
    Leaving,
    Other,
}

impl Sniffed {
    pub(crate) fn new(stream: Box<dyn Stream>) -> (Self, Scent) {
        let first = Arc::new(OnceLock::new());
        (Self { stream, first: first.clone() }, Scent(first))
    }

    pub(crate) fn into_inner(self) -> Box<dyn Stream> {
        self.stream
    }
}

impl Scent {
    /// `None` while the server has said nothing.
    pub(crate) fn first(&self) -> Option<&First> {
        self.0.get()
    }
}

impl First {
    fn of(octet: u8) -> Self {
        match octet {
            // RFC 8446 §5.1: alert, handshake.
            21 | 22 => Self::Tls,
            b'H' => Self::Http1,
            0 => Self::Http2,
            _ => Self::Other,
        }
    }
}

impl AsyncRead for Sniffed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let begin = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if self.first.get().is_none() {
            let first = match &read {
                Ok(()) => buffer.filled().get(begin).map(|octet| First::of(*octet)),
                Err(error) => tls_error(error).cloned().map(First::Refusal),
            };
            // Nobody else sets it. An error that is not of TLS is a connection that was reset.
            let _ = self.first.set(first.unwrap_or(First::Leaving));
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        left_to_reading(written, octets.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        left_to_reading(written, pieces.iter().map(|piece| piece.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        left_to_reading(Pin::new(&mut self.stream).poll_flush(context), ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        left_to_reading(Pin::new(&mut self.stream).poll_shutdown(context), ())
    }
}

/// Writes, as if they succeeded, to a server that has left: it would not have read them.
fn left_to_reading<T>(outcome: Poll<io::Result<T>>, success: T) -> Poll<io::Result<T>> {
    match outcome {
        Poll::Ready(Err(error))
            if matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
            ) =>
        {
            Poll::Ready(Ok(success))
        }
        outcome => outcome,
    }
}

/// What TLS says, if it is TLS that failed.
pub(crate) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_a_server_said_is_read_though_it_has_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"HTTP/1.1 503 ").unwrap();
        drop(server);
        // Once the server's system has answered, writing fails.
        while socket.write_all(b"GET").is_ok() {}

        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::TcpStream::from_std(socket).unwrap();
        let (mut stream, scent) = Sniffed::new(Box::new(socket));
        stream.write_all(b"GET /").await.unwrap();
        let pieces = [io::IoSlice::new(b" HTTP"), io::IoSlice::new(b"/1.1")];
        assert_eq!(stream.write_vectored(&pieces).await.unwrap(), 9);
        stream.flush().await.unwrap();
        let mut said = Vec::new();
        // The end of it, as an error or not.
        let _ = stream.read_to_end(&mut said).await;
        assert_eq!(said, b"HTTP/1.1 503 ");
        assert_eq!(scent.first(), Some(&First::Http1));
        stream.shutdown().await.unwrap();
    }
}
