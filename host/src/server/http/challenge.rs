//! The challenge of draft 00: eight octets behind the head of the request, which no HTTP library
//! expects there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many octets.
const LENGTH: usize = 8;

/// What ends a head.
const END: &[u8] = b"\r\n\r\n";

/// What only a request of draft 00 has in its head.
const KEY: &[u8] = b"\nsec-websocket-key1:";

/// Where the octets are found that were taken out.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Challenge(Arc<Mutex<Option<[u8; LENGTH]>>>);

impl Challenge {
    pub(in crate::server) fn get(&self) -> Option<[u8; LENGTH]> {
        *self.0.lock()
    }
}

/// A stream from which the challenge is taken out. The head of the request is held back until it has
/// come whole, so that whoever sees the request finds the challenge.
pub(super) struct TakesChallenge<S> {
    stream: S,
    challenge: Challenge,
    stage: Stage,
}

enum Stage {
    /// The head is being collected, at most so many octets of it. Its end is not in the first
    /// `searched`.
    Head { octets: Vec<u8>, searched: usize, max: usize },
    /// These are given on, from this one on.
    Giving { octets: Vec<u8>, given: usize },
    /// What comes is given on.
    Through,
}

impl<S> TakesChallenge<S> {
    /// From a longer head than `max` octets nothing is taken: it is refused anyway.
    pub(super) fn new(stream: S, challenge: Challenge, max: usize) -> Self {
        Self { stream, challenge, stage: Stage::Head { octets: Vec::new(), searched: 0, max } }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TakesChallenge<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let Self { stream, challenge, stage } = self.get_mut();
        while let Stage::Head { octets, searched, max } = stage {
            let mut more = [0; 4096];
            let mut read = ReadBuf::new(&mut more);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut read))?;
            octets.extend_from_slice(read.filled());
            let is_over = read.filled().is_empty() || octets.len() > *max;
            if is_over || take(octets, searched, challenge) {
                *stage = Stage::Giving { octets: std::mem::take(octets), given: 0 };
            }
        }
        if let Stage::Giving { octets, given } = stage {
            let count = buffer.remaining().min(octets.len() - *given);
            buffer.put_slice(&octets[*given..*given + count]);
            *given += count;
            if *given == octets.len() {
                *stage = Stage::Through;
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TakesChallenge<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Takes the challenge out of what has come, if it is one. Answers whether nothing more is waited for.
fn take(octets: &mut Vec<u8>, searched: &mut usize, challenge: &Challenge) -> bool {
    // A head that trickles is not searched from its beginning again and again.
    let found = octets[*searched..].windows(END.len()).position(|window| window == END);
    let Some(end) = found.map(|end| *searched + end) else {
        *searched = octets.len().saturating_sub(END.len() - 1);
        return false;
    };
    *searched = end;
    let (head, behind) = (octets[..end].to_ascii_lowercase(), end + END.len());
    if !head.windows(KEY.len()).any(|window| window == KEY) {
        return true;
    }
    let Some((found, _)) = octets[behind..].split_first_chunk() else { return false };
    *challenge.0.lock() = Some(*found);
    octets.drain(behind..behind + LENGTH);
    true
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    async fn through(input: &[&[u8]]) -> (Vec<u8>, Option<[u8; 8]>) {
        let (mut far, near) = duplex(1 << 16);
        let challenge = Challenge::default();
        let mut reader = TakesChallenge::new(near, challenge.clone(), 1000);
        for part in input {
            far.write_all(part).await.expect("room");
        }
        drop(far);
        let mut output = Vec::new();
        reader.read_to_end(&mut output).await.expect("no error");
        (output, challenge.get())
    }

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nSec-WebSocket-Key1: 1 2\r\n\r\n";

    #[tokio::test]
    async fn challenge_is_taken_out_wherever_the_input_is_cut() {
        let whole = [HEAD, b"12345678", b"\0frame\xff"].concat();
        for cut in 1..whole.len() {
            let (first, second) = whole.split_at(cut);
            let (output, challenge) = through(&[first, second]).await;
            assert_eq!(challenge.as_ref(), Some(b"12345678"), "cut at {cut}");
            assert_eq!(output, [HEAD, b"\0frame\xff"].concat(), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn everything_else_goes_through_as_it_is() {
        let long = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'a'; 5000], b"\r\n\r\nbody"].concat();
        for input in [b"GET / HTTP/1.1\r\n\r\n12345678".as_slice(), b"GET", b"", &long] {
            assert_eq!(through(&[input]).await, (input.to_vec(), None));
        }
        // Cut off: whoever reads the head learns that there is none.
        let truncated = [HEAD, b"1234"].concat();
        assert_eq!(through(&[&truncated]).await, (truncated, None));
    }
}
