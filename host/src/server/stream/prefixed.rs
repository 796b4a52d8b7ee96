//! A stream of which some bytes were read to look at them.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of which the first bytes were read to look at them. Whoever reads it gets them all.
#[derive(Debug)]
pub(in crate::server) struct Prefixed<S> {
    first: Vec<u8>,
    given: usize,
    stream: S,
}

impl<S> Prefixed<S> {
    /// A stream of which these bytes were read.
    pub(in crate::server) fn new(first: Vec<u8>, stream: S) -> Self {
        Self { first, given: 0, stream }
    }

    /// A stream of which nothing was read, or nothing that is still to be given.
    pub(in crate::server) fn unread(stream: S) -> Self {
        Self::new(Vec::new(), stream)
    }

    /// The stream, of which nothing is left that was read before.
    pub(in crate::server) fn into_inner(self) -> S {
        debug_assert!(self.first.is_empty(), "bytes of the client would be lost");
        self.stream
    }

    /// The stream, and what was read of it before and has not been given again.
    pub(in crate::server) fn into_parts(mut self) -> (S, Vec<u8>) {
        self.first.drain(..self.given);
        (self.stream, self.first)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.given < this.first.len() {
            let count = buffer.remaining().min(this.first.len() - this.given);
            buffer.put_slice(&this.first[this.given..this.given + count]);
            this.given += count;
            if this.given == this.first.len() {
                (this.first, this.given) = (Vec::new(), 0);
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
