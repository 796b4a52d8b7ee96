//! A stream whose first bytes were read ahead.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose first bytes were read to detect which protocol the client speaks. Reads from this stream return these
/// bytes first, and then the rest.
#[derive(Debug)]
pub(in crate::server) struct Prefixed<S> {
    prefix: Vec<u8>,
    /// How many bytes of the prefix have been read from this stream.
    consumed: usize,
    stream: S,
}

impl<S> Prefixed<S> {
    /// Puts the bytes that were read ahead back in front of the stream.
    pub(in crate::server) fn new(prefix: Vec<u8>, stream: S) -> Self {
        Self { prefix, consumed: 0, stream }
    }

    /// Wraps a stream without a prefix.
    pub(in crate::server) fn unread(stream: S) -> Self {
        Self::new(Vec::new(), stream)
    }

    /// Returns the stream. The prefix must have been read completely.
    pub(in crate::server) fn into_inner(self) -> S {
        debug_assert!(self.prefix.is_empty(), "bytes of the client would be lost");
        self.stream
    }

    /// Returns the stream, and the unread part of the prefix.
    pub(in crate::server) fn into_parts(mut self) -> (S, Vec<u8>) {
        self.prefix.drain(..self.consumed);
        (self.stream, self.prefix)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.consumed < this.prefix.len() {
            let count = buffer.remaining().min(this.prefix.len() - this.consumed);
            buffer.put_slice(&this.prefix[this.consumed..this.consumed + count]);
            this.consumed += count;
            if this.consumed == this.prefix.len() {
                (this.prefix, this.consumed) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
