//! Protocol detection from the first bytes of a connection.

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::http;
use crate::server::stream::Prefixed;

/// The connection preface of HTTP/2 (RFC 9113 §3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The policy request of a Flash player.
pub(super) const FLASH: &[u8] = b"<policy-file-request/>\0";

/// The content type of a handshake record, and the major version that follows it (RFC 8446 §5.1).
const TLS: &[u8] = &[0x16, 0x03];

/// The maximum number of bytes that are read to detect the protocol. Most requests fit. [`http`] reads with a buffer of
/// the same size, so its first read consumes everything that was read for the detection.
const FIRST_READ: usize = http::FIRST_READ;

/// The protocol that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.1. Unknown protocols also count as HTTP/1.1, and get an HTTP/1.1 error response.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// TLS.
    Tls,
    /// The policy request of a Flash player.
    Flash,
}

/// Reads until the protocol is known. `first` holds the bytes that have already been read. If the client closes its
/// side first, the protocol is taken to be HTTP/1.1.
///
/// # Cancel safety
///
/// Not cancel safe: bytes that were read are lost with the future.
pub(super) async fn detect<S: AsyncRead + Unpin>(
    mut stream: S,
    mut first: Vec<u8>,
) -> std::io::Result<(Protocol, Prefixed<S>)> {
    let protocol = loop {
        if let Some(protocol) = classify(&first) {
            break protocol;
        }
        let room = FIRST_READ - first.len();
        first.reserve_exact(room);
        if (&mut stream).take(room as u64).read_buf(&mut first).await? == 0 {
            break Protocol::Http1;
        }
    };
    Ok((protocol, Prefixed::new(first, stream)))
}

/// Returns the protocol that begins with these bytes, or `None` if they are too few to tell.
fn classify(first: &[u8]) -> Option<Protocol> {
    for (prefix, protocol) in
        [(HTTP2, Protocol::Http2), (FLASH, Protocol::Flash), (TLS, Protocol::Tls)]
    {
        if first.starts_with(prefix) {
            return Some(protocol);
        }
        if prefix.starts_with(first) {
            return None;
        }
    }
    Some(Protocol::Http1)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn protocol_is_detected_wherever_the_input_is_cut_and_no_byte_is_lost() {
        for (whole, expected) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"[..], Protocol::Http2),
            (b"PRI * HTTP/1.1\r\n\r\n", Protocol::Http1),
            (b"PUT / HTTP/1.1\r\n\r\n", Protocol::Http1),
            (b"GET / HTTP/1.1\r\n\r\n", Protocol::Http1),
            (b"<policy-file-request/>\0", Protocol::Flash),
            (b"<html>", Protocol::Http1),
            (b"\x16\x03\x01\x02\x00\x01", Protocol::Tls),
            (b"\x16\x16", Protocol::Http1),
            (b"PRI", Protocol::Http1),
        ] {
            for cut in 0..=whole.len() {
                let (mut far, near) = duplex(100);
                let (one, other) = whole.split_at(cut);
                let detecting = tokio::spawn(detect(near, Vec::new()));
                far.write_all(one).await.expect("room");
                tokio::task::yield_now().await;
                far.write_all(other).await.expect("room");
                drop(far);
                let (protocol, mut stream) = detecting.await.expect("no panic").expect("no error");
                assert_eq!(protocol, expected, "{whole:?} cut at {cut}");
                let mut read = Vec::new();
                stream.read_to_end(&mut read).await.expect("no error");
                assert_eq!(read, whole, "cut at {cut}");
            }
        }
    }
}
