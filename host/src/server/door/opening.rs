//! The first octets of a connection tell what is spoken there.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// With what a client begins that speaks HTTP/2 (RFC 9113 §3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// With what a Flash player asks for a policy.
pub(super) const FLASH: &[u8] = b"<policy-file-request/>\0";

/// The content type of a handshake record (RFC 8446 §5.1), and the major version behind it.
const TLS: &[u8] = &[0x16, 0x03];

/// How much is read before it is known what is spoken: most requests whole. The HTTP library takes more than
/// this with its first read, so that nothing is left over.
const FIRST_READ: usize = 4096;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// HTTP/1.1, or anything that is to be refused as such.
    Http1,
    /// HTTP/2.
    Http2,
    /// TLS.
    Tls,
    /// The question of a Flash player.
    Flash,
}

/// A stream of which the first octets were read to look at them. Whoever reads it gets them all.
#[derive(Debug)]
pub(super) struct Opened<S> {
    first: Vec<u8>,
    given: usize,
    stream: S,
}

impl<S> Opened<S> {
    /// A stream of which nothing was read, or nothing that is still to be given.
    pub(super) fn unread(stream: S) -> Self {
        Self { first: Vec::new(), given: 0, stream }
    }

    /// The stream, when all that was read of it before has been given.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

/// Reads until it is known what is spoken; `first` was read already. It is not known of a client that has said nothing, and is HTTP/1.1
/// when it ends there.
///
/// # Cancel safety
///
/// None: what was read is lost with the future.
pub(super) async fn open<S: AsyncRead + Unpin>(
    mut stream: S,
    mut first: Vec<u8>,
) -> std::io::Result<(Opening, Opened<S>)> {
    let opening = loop {
        if let Some(opening) = opening(&first) {
            break opening;
        }
        let room = FIRST_READ - first.len();
        first.reserve_exact(room);
        if (&mut stream).take(room as u64).read_buf(&mut first).await? == 0 {
            break Opening::Http1;
        }
    };
    Ok((opening, Opened { first, given: 0, stream }))
}

/// `None` if that cannot be told from so few octets.
fn opening(first: &[u8]) -> Option<Opening> {
    for (beginning, opening) in
        [(HTTP2, Opening::Http2), (FLASH, Opening::Flash), (TLS, Opening::Tls)]
    {
        if first.starts_with(beginning) {
            return Some(opening);
        }
        if beginning.starts_with(first) {
            return None;
        }
    }
    Some(Opening::Http1)
}

impl<S: AsyncRead + Unpin> AsyncRead for Opened<S> {
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Opened<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, octets)
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_spoken_is_known_wherever_the_input_is_cut_and_nothing_of_it_is_lost() {
        for (whole, expected) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"[..], Opening::Http2),
            (b"PRI * HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"PUT / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"GET / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"<policy-file-request/>\0", Opening::Flash),
            (b"<html>", Opening::Http1),
            (b"\x16\x03\x01\x02\x00\x01", Opening::Tls),
            (b"\x16\x16", Opening::Http1),
            (b"PRI", Opening::Http1),
        ] {
            for cut in 0..=whole.len() {
                let (mut far, near) = duplex(100);
                let (one, other) = whole.split_at(cut);
                let opened = tokio::spawn(open(near, Vec::new()));
                far.write_all(one).await.expect("room");
                tokio::task::yield_now().await;
                far.write_all(other).await.expect("room");
                drop(far);
                let (opening, mut stream) = opened.await.expect("no panic").expect("no error");
                assert_eq!(opening, expected, "{whole:?} cut at {cut}");
                let mut read = Vec::new();
                stream.read_to_end(&mut read).await.expect("no error");
                assert_eq!(read, whole, "cut at {cut}");
            }
        }
    }
}
