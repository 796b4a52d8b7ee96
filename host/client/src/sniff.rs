//! What a server says first, which tells why it was not understood.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::Stream;

/// A stream whose first input is remembered.
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
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What TLS says, if it is TLS that failed.
pub(crate) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
