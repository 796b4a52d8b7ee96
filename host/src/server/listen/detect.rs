//! The first octets of a connection tell what is spoken there.

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::http;
use crate::server::stream::Prefixed;

/// With what a client begins that speaks HTTP/2 (RFC 9113 §3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// With what a Flash player asks for a policy.
pub(super) const FLASH: &[u8] = b"<policy-file-request/>\0";

/// The content type of a handshake record (RFC 8446 §5.1), and the major version behind it.
const TLS: &[u8] = &[0x16, 0x03];

/// How much is read before it is known what is spoken: most requests whole. Whoever reads the request takes all of
/// it with the first read, so that nothing is left over.
const FIRST_READ: usize = http::FIRST_READ;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detected {
    /// HTTP/1.1, or anything that is to be refused as such.
    Http1,
    /// HTTP/2.
    Http2,
    /// TLS.
    Tls,
    /// The question of a Flash player.
    Flash,
}

/// Reads until it is known what is spoken; `first` was read already. A client that ends before that is known
/// speaks HTTP/1.1.
///
/// # Cancel safety
///
/// None: what was read is lost with the future.
pub(super) async fn detect<S: AsyncRead + Unpin>(
    mut stream: S,
    mut first: Vec<u8>,
) -> std::io::Result<(Detected, Prefixed<S>)> {
    let opening = loop {
        if let Some(opening) = opening(&first) {
            break opening;
        }
        let room = FIRST_READ - first.len();
        first.reserve_exact(room);
        if (&mut stream).take(room as u64).read_buf(&mut first).await? == 0 {
            break Detected::Http1;
        }
    };
    Ok((opening, Prefixed::new(first, stream)))
}

/// `None` if that cannot be told from so few octets.
fn opening(first: &[u8]) -> Option<Detected> {
    for (beginning, opening) in
        [(HTTP2, Detected::Http2), (FLASH, Detected::Flash), (TLS, Detected::Tls)]
    {
        if first.starts_with(beginning) {
            return Some(opening);
        }
        if beginning.starts_with(first) {
            return None;
        }
    }
    Some(Detected::Http1)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_spoken_is_known_wherever_the_input_is_cut_and_nothing_of_it_is_lost() {
        for (whole, expected) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"[..], Detected::Http2),
            (b"PRI * HTTP/1.1\r\n\r\n", Detected::Http1),
            (b"PUT / HTTP/1.1\r\n\r\n", Detected::Http1),
            (b"GET / HTTP/1.1\r\n\r\n", Detected::Http1),
            (b"<policy-file-request/>\0", Detected::Flash),
            (b"<html>", Detected::Http1),
            (b"\x16\x03\x01\x02\x00\x01", Detected::Tls),
            (b"\x16\x16", Detected::Http1),
            (b"PRI", Detected::Http1),
        ] {
            for cut in 0..=whole.len() {
                let (mut far, near) = duplex(100);
                let (one, other) = whole.split_at(cut);
                let opened = tokio::spawn(detect(near, Vec::new()));
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
