//! The head of a connection's first request, read before hyper sees it.
//!
//! hyper answers a malformed head with an empty 400. This module checks the head first, so that the response can say
//! what is wrong. In draft 00, eight bytes follow the head. No HTTP library expects these bytes, so this module removes
//! them as well.

use std::ops::Range;

use http::header::{CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use http::{Response, StatusCode, Uri};
use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::response::{Body, text};

/// How much is read at once, in bytes. Most requests are shorter.
pub(in crate::server) const READ_SIZE: usize = 4096;

/// How many bytes follow the head in a handshake of draft 00.
const CHALLENGE: usize = 8;

/// The headers of a draft 00 handshake.
const KEY1: &str = "sec-websocket-key1";
const KEY2: &str = "sec-websocket-key2";

/// The limits of a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadLimits {
    /// The maximum size, in bytes.
    pub(super) max_size: usize,
    pub(super) max_headers: usize,
    pub(super) draft00: Draft00,
}

/// Whether handshakes of draft 00 are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draft00 {
    Accepted,
    Rejected,
}

/// The head of a request, and what was read with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The head, and any bytes that arrived with it.
    pub(super) bytes: Vec<u8>,
    /// The length of the head.
    pub(super) length: usize,
    /// The challenge of draft 00. It has been removed from `bytes`, together with the `Content-Length` that some
    /// clients send for the challenge.
    pub(super) challenge: Option<[u8; CHALLENGE]>,
}

/// Why a head is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    #[error("The request line and the headers are longer than {0} bytes (max-header-size).")]
    TooLarge(usize),
    #[error("The request has more than {0} headers (max-headers).")]
    TooManyHeaders(usize),
    #[error("The request target contains {0:?}, which must be percent-encoded as {1}.")]
    UnencodedCharacter(char, String),
    #[error("{0:?} is not a valid request target.")]
    InvalidTarget(String),
    #[error("This is not an HTTP/1.1 request: {0}.")]
    Malformed(httparse::Error),
}

/// Reads up to the end of the head.
///
/// # Errors
///
/// Returns an error if the connection is lost or closed before the end of the head.
///
/// # Cancel safety
///
/// Not cancel safe: bytes that were read are lost with the future.
pub(super) async fn read(
    mut stream: impl AsyncRead + Unpin,
    limits: HeadLimits,
) -> std::io::Result<Result<Head, HeadError>> {
    let mut bytes = Vec::with_capacity(READ_SIZE);
    // The end of the head is at this index or later. So the search continues here when more of the head arrives.
    let mut searched = 0;
    loop {
        let is_first = bytes.is_empty();
        bytes.reserve(READ_SIZE);
        if (&mut stream).take(READ_SIZE as u64).read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let end = find_end(&bytes, &mut searched);
        if end.unwrap_or(bytes.len()) > limits.max_size {
            return Ok(Err(HeadError::TooLarge(limits.max_size)));
        }
        // The first bytes are checked at once, because an empty line might never arrive if the input is not HTTP.
        if is_first || end.is_some() {
            match check(&bytes[..end.unwrap_or(bytes.len())], limits) {
                Err(error) => return Ok(Err(error)),
                Ok(HeadKind::Ordinary) => {}
                Ok(HeadKind::Draft00 { content_length }) => {
                    let Some(end) = end else { continue };
                    while bytes.len() < end + CHALLENGE {
                        if stream.read_buf(&mut bytes).await? == 0 {
                            return Err(std::io::ErrorKind::UnexpectedEof.into());
                        }
                    }
                    let challenge = bytes[end..].first_chunk().copied();
                    bytes.drain(end..end + CHALLENGE);
                    let length = end - content_length.len();
                    bytes.drain(content_length);
                    return Ok(Ok(Head { bytes, length, challenge }));
                }
            }
        }
        if let Some(length) = end {
            return Ok(Ok(Head { bytes, length, challenge: None }));
        }
    }
}

/// Returns the index just past the head, which ends with the first empty line after the request line (RFC 9112 §2.2).
fn find_end(bytes: &[u8], searched: &mut usize) -> Option<usize> {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let from = start.max(*searched);
    // The bytes may end inside an empty line.
    *searched = bytes.len().saturating_sub(2);
    memchr::memchr_iter(b'\n', &bytes[from..]).map(|index| from + index + 1).find_map(|line| {
        match &bytes[line..] {
            [b'\n', ..] => Some(line + 1),
            [b'\r', b'\n', ..] => Some(line + 2),
            _ => None,
        }
    })
}

/// The kind of a request.
enum HeadKind {
    Ordinary,
    Draft00 {
        /// The range of the `Content-Length` line. A handshake of the draft has no such line, but some clients send it
        /// as if the challenge were a body. The range is empty if the client does not send the line.
        content_length: Range<usize>,
    },
}

/// Parses a head, or the beginning of one, as hyper does.
fn check(head: &[u8], limits: HeadLimits) -> Result<HeadKind, HeadError> {
    let mut headers = vec![httparse::EMPTY_HEADER; limits.max_headers];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(Status::Partial) => return Ok(HeadKind::Ordinary),
        Ok(Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(HeadError::TooManyHeaders(limits.max_headers));
        }
        Err(error) => return Err(HeadError::Malformed(error)),
    }
    let target = request.path.unwrap_or_default();
    if target.parse::<Uri>().is_err() {
        return Err(target_error(target));
    }
    let header =
        |name: &str| request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    // A handshake with `Sec-WebSocket-Key` or `Sec-WebSocket-Version` belongs to a later draft.
    let is_draft00 = limits.draft00 == Draft00::Accepted
        && [KEY1, KEY2].iter().all(|name| header(name).is_some())
        && [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION]
            .iter()
            .all(|name| header(name.as_str()).is_none());
    if !is_draft00 {
        return Ok(HeadKind::Ordinary);
    }
    let length = header(CONTENT_LENGTH.as_str()).filter(|length| length.value.trim_ascii() == b"8");
    let content_length = length.map_or(0..0, |length| line_of(head, length.name));
    Ok(HeadKind::Draft00 { content_length })
}

/// Returns the range of the line that begins with `name`. `name` must be a slice of `head`. The range includes the line
/// terminator.
fn line_of(head: &[u8], name: &str) -> Range<usize> {
    let start = (name.as_ptr() as usize).saturating_sub(head.as_ptr() as usize);
    let rest = head.get(start..).unwrap_or_default();
    start..start + memchr::memchr(b'\n', rest).map_or(0, |end| end + 1)
}

/// Returns the error for an invalid target. It names the first character that must be percent-encoded (RFC 3986 §2).
fn target_error(target: &str) -> HeadError {
    let must_be_encoded =
        |character: &char| !character.is_ascii() || r#""<>\^`{|}"#.contains(*character);
    match target.chars().find(must_be_encoded) {
        Some(character) => {
            let mut encoded = String::new();
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                encoded += &format!("%{byte:02X}");
            }
            HeadError::UnencodedCharacter(character, encoded)
        }
        None => HeadError::InvalidTarget(target.chars().take(100).collect()),
    }
}

impl HeadError {
    /// Returns the response to the client.
    pub(super) fn response(&self) -> Response<Body> {
        let status = match self {
            Self::TooLarge(_) | Self::TooManyHeaders(_) => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::UnencodedCharacter(..) | Self::InvalidTarget(_) | Self::Malformed(_) => {
                StatusCode::BAD_REQUEST
            }
        };
        text(status, format!("{self}\n"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    const LIMITS: HeadLimits =
        HeadLimits { max_size: 8192, max_headers: 10, draft00: Draft00::Accepted };
    const PLAIN: &[u8] = b"GET /?a=%22 HTTP/1.1\r\nHost: a\r\n\r\n";
    const DRAFT: &[u8] =
        b"GET / HTTP/1.1\r\nSec-WebSocket-Key1: 1 2\r\nsec-websocket-key2: 3 4\r\n\r\n";

    async fn read_in(parts: &[&[u8]], limits: HeadLimits) -> Option<Result<Head, HeadError>> {
        let (mut far, near) = duplex(1 << 16);
        let reading = tokio::spawn(read(near, limits));
        for part in parts {
            // Writing fails if the other end has rejected the head and closed the stream.
            let _ = far.write_all(part).await;
            tokio::task::yield_now().await;
        }
        drop(far);
        reading.await.expect("no panic").ok()
    }

    #[tokio::test]
    async fn head_ends_at_the_first_empty_line_wherever_the_input_is_cut() {
        for (whole, challenge) in [
            (PLAIN.to_vec(), None),
            ([b"\r\n", PLAIN].concat(), None),
            (b"GET / HTTP/1.1\nHost: a\n\n".to_vec(), None),
            ([DRAFT, b"12345678"].concat(), Some(b"12345678")),
        ] {
            for cut in 1..whole.len() {
                let (one, other) = whole.split_at(cut);
                let head = read_in(&[one, other], LIMITS).await.expect("an end").expect("a head");
                assert_eq!(head.challenge.as_ref(), challenge, "{cut}");
                assert_eq!(head.bytes.len(), whole.len() - challenge.map_or(0, |_| 8), "{cut}");
            }
        }
    }

    #[tokio::test]
    async fn bytes_after_a_challenge_are_kept() {
        let head = read_in(&[DRAFT, b"1234", b"5678\0frame\xff"], LIMITS).await;
        let head = head.expect("an end").expect("a head");
        assert_eq!(head.bytes[DRAFT.len()..], b"\0frame\xff"[..head.bytes.len() - DRAFT.len()]);
        let keys = &DRAFT[16..];
        let with_length =
            [b"GET / HTTP/1.1\r\ncontent-length: 8 \r\n", keys, b"12345678\0a\xff"].concat();
        let head = read_in(&[&with_length], LIMITS).await.expect("an end").expect("a head");
        let expected = ([DRAFT, b"\0a\xff"].concat(), Some(*b"12345678"));
        assert_eq!((head.bytes, head.challenge), expected);
        let newer = [b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n", keys, b"12345678"].concat();
        let head = read_in(&[&newer], LIMITS).await.expect("an end").expect("a head");
        assert_eq!((head.bytes, head.challenge), (newer, None));
        let rejecting = HeadLimits { draft00: Draft00::Rejected, ..LIMITS };
        let head =
            read_in(&[DRAFT, b"12345678"], rejecting).await.expect("an end").expect("a head");
        assert_eq!(head.challenge, None);
    }

    #[tokio::test]
    async fn error_says_why_a_head_is_rejected() {
        let many = [b"GET / HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(11), b"\r\n"].concat();
        let long = [b"GET / HTTP/1.1\r\na: ".as_slice(), &[b'a'; 9000], b"\r\n\r\n"].concat();
        for (head, word) in [
            (b"GET /?a=\"b\" HTTP/1.1\r\n\r\n".as_slice(), "%22"),
            (b"GET /?a=<b> HTTP/1.1\r\n\r\n", "%3C"),
            (b"\x16\x03\x01\x02\x00\x01\x00", "not an HTTP/1.1 request"),
            (b"GET / HTTP/1.1\r\nbad header: 1\r\n\r\n", "header name"),
            (b"GET / HTTP/1.1\r\nHost : 1\r\n\r\n", "header name"),
            (b"GET / HTTP/9.9\r\n\r\n", "version"),
            (b"nonsense\r\n\r\n", "not an HTTP/1.1 request"),
            (&many, "10 headers"),
            (&long, "8192 bytes"),
        ] {
            let error =
                read_in(&[head], LIMITS).await.expect("an answer").expect_err("a rejection");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[tokio::test]
    async fn client_that_closes_before_the_end_of_the_head_gets_no_response() {
        for beginning in
            [b"".as_slice(), b"\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n", &[DRAFT, b"1234"].concat()]
        {
            assert_eq!(read_in(&[beginning], LIMITS).await, None);
        }
    }
}
