//! One stream of an HTTP/2 connection, with the interface of a socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{ConnectionGuard, Http2Connection};

/// The maximum number of bytes that are written at once. It is the default maximum size of a frame (RFC 9113 §4.2).
/// HTTP/2 accepts a few pieces of any length before it makes the writer wait.
const PIECE: usize = 16 << 10;

/// The bytes of a WebSocket in DATA frames. Dropping it ends the stream.
pub(crate) struct Http2Stream {
    upgraded: TokioIo<Upgraded>,
    _guard: ConnectionGuard,
}

impl Http2Stream {
    pub(crate) fn new(upgraded: Upgraded, connection: &Http2Connection) -> Self {
        Self { upgraded: TokioIo::new(upgraded), _guard: connection.guard() }
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_read(context, buffer)
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        Pin::new(&mut self.upgraded).poll_write(context, piece)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_shutdown(context)
    }
}
