//! A stream that hyper hands over after an upgrade, over HTTP/1.1 or HTTP/2.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is written at once, in bytes: what fits into one HTTP/2 frame by default (RFC 9113 §4.2). hyper accepts a
/// few writes of a stream, of any length, before it makes the writer wait. Because the writes are short, most data that
/// a client does not read waits in its outbound buffer, whose size is limited, and not in hyper.
const MAX_WRITE: usize = 16 << 10;

/// An upgraded stream.
pub(super) struct UpgradedStream(TokioIo<Upgraded>);

impl UpgradedStream {
    pub(super) fn new(stream: Upgraded) -> Self {
        Self(TokioIo::new(stream))
    }
}

impl AsyncRead for UpgradedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for UpgradedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, &bytes[..bytes.len().min(MAX_WRITE)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
