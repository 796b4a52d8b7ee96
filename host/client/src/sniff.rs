//! The first input from a server. It explains why the handshake failed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::Stream;

/// A stream that records its first input.
///
/// A server that refuses a connection sends the reason and closes, possibly before it has read the request. Writing the
/// request may then fail before the reason has been read. So this stream hides such write errors. Reading then returns
/// the reason, followed by the end of the stream.
pub(crate) struct Sniffed {
    stream: Box<dyn Stream>,
    first: Arc<OnceLock<FirstInput>>,
}

/// The first input from the server, shared with the stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerProbe(Arc<OnceLock<FirstInput>>);

/// The kind of the first input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FirstInput {
    /// A TLS record, most likely an alert.
    Tls,
    /// `HTTP/1.1`.
    Http1,
    /// An HTTP/2 frame. The first frame is `SETTINGS`, and its length begins with 0.
    Http2,
    /// A TLS error. In TLS 1.3, the server rejects a client certificate only after the handshake.
    TlsError(rustls::Error),
    /// No input, because the server closed the connection.
    Closed,
    Other,
}

impl Sniffed {
    pub(crate) fn new(stream: Box<dyn Stream>) -> (Self, PeerProbe) {
        let first = Arc::new(OnceLock::new());
        (Self { stream, first: first.clone() }, PeerProbe(first))
    }

    pub(crate) fn into_inner(self) -> Box<dyn Stream> {
        self.stream
    }
}

impl PeerProbe {
    /// Returns the first input. Returns `None` if there has not been any yet.
    pub(crate) fn first(&self) -> Option<&FirstInput> {
        self.0.get()
    }
}

impl FirstInput {
    fn of(byte: u8) -> Self {
        match byte {
            // RFC 8446 §5.1: these are the types of an alert and of a handshake.
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
                Ok(()) => buffer.filled().get(begin).map(|byte| FirstInput::of(*byte)),
                Err(error) => tls_error(error).cloned().map(FirstInput::TlsError),
            };
            // This cannot fail, because only this function sets the value. Any error other than a TLS error means that
            // the connection was reset.
            let _ = self.first.set(first.unwrap_or(FirstInput::Closed));
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        hide_disconnect(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        hide_disconnect(written, pieces.iter().map(|piece| piece.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        hide_disconnect(Pin::new(&mut self.stream).poll_flush(context), ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        hide_disconnect(Pin::new(&mut self.stream).poll_shutdown(context), ())
    }
}

/// Reports a write as successful if the server has left. The server would not have read the data in any case.
fn hide_disconnect<T>(outcome: Poll<io::Result<T>>, success: T) -> Poll<io::Result<T>> {
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

/// Returns the TLS error that an I/O error contains, if any.
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
    async fn input_is_read_after_the_server_has_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"HTTP/1.1 503 ").unwrap();
        drop(server);
        // Writing fails once the server's system has answered with a reset.
        while socket.write_all(b"GET").is_ok() {}

        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::TcpStream::from_std(socket).unwrap();
        let (mut stream, probe) = Sniffed::new(Box::new(socket));
        stream.write_all(b"GET /").await.unwrap();
        let pieces = [io::IoSlice::new(b" HTTP"), io::IoSlice::new(b"/1.1")];
        assert_eq!(stream.write_vectored(&pieces).await.unwrap(), 9);
        stream.flush().await.unwrap();
        let mut said = Vec::new();
        // The stream may end with an error or without one.
        let _ = stream.read_to_end(&mut said).await;
        assert_eq!(said, b"HTTP/1.1 503 ");
        assert_eq!(probe.first(), Some(&FirstInput::Http1));
        stream.shutdown().await.unwrap();
    }
}
