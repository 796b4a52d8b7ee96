//! A stream that hyper hands over after an upgrade, over HTTP/1.1 or HTTP/2.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is written at once, in bytes: what fits into one HTTP/2 frame by default (RFC 9113 §4.2). For each stream,
/// hyper accepts a few writes of any length before it makes the writer wait. If the peer does not read, short writes
/// leave little of the data in hyper and most of it in the outbound buffer, which has a limit.
const MAX_WRITE: usize = 16 << 10;

/// An upgraded stream, with the interface of a socket. Dropping it ends the stream. The guard is dropped with it.
pub struct UpgradedStream<G> {
    upgraded: TokioIo<Upgraded>,
    _guard: G,
}

impl<G> UpgradedStream<G> {
    /// Wraps a stream that hyper has handed over.
    pub fn new(upgraded: Upgraded, guard: G) -> Self {
        Self { upgraded: TokioIo::new(upgraded), _guard: guard }
    }
}

impl<G: Unpin> AsyncRead for UpgradedStream<G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_read(context, buffer)
    }
}

impl<G: Unpin> AsyncWrite for UpgradedStream<G> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.upgraded).poll_write(context, &bytes[..bytes.len().min(MAX_WRITE)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_shutdown(context)
    }
}
