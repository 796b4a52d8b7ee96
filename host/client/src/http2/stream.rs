//! One stream of an HTTP/2 connection, as if it were a socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{Http2Connection, User};

/// How much is handed over at once, in octets: what fits into one frame by default (RFC 9113 §4.2). HTTP/2
/// takes a few such pieces before it makes the writer wait, whatever their length.
const PIECE: usize = 16 << 10;

/// A WebSocket's octets in DATA frames. Dropping it ends the stream.
pub(crate) struct Http2Stream {
    upgraded: TokioIo<Upgraded>,
    _user: User,
}

impl Http2Stream {
    pub(crate) fn new(upgraded: Upgraded, connection: &Http2Connection) -> Self {
        Self { upgraded: TokioIo::new(upgraded), _user: connection.user() }
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
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = &octets[..octets.len().min(PIECE)];
        Pin::new(&mut self.upgraded).poll_write(context, piece)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_shutdown(context)
    }
}
