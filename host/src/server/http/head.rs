//! The head of a connection's first request, read before the HTTP library sees it.
//!
//! The library answers a head that it cannot parse with an empty 400. Here the client is told what is wrong. And
//! draft 00 has eight bytes behind the head that no HTTP library expects there: they are taken out.

use std::ops::Range;

use http::header::{CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use http::{Response, StatusCode, Uri};
use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::response::{Body, text};

/// How much is read at once, in bytes: most requests whole.
pub(in crate::server) const READ: usize = 4096;

/// How many bytes follow the head in a handshake of draft 00.
const CHALLENGE: usize = 8;

/// What a request of draft 00 has among its headers.
const KEY1: &str = "sec-websocket-key1";
const KEY2: &str = "sec-websocket-key2";

/// What a head may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Its bytes.
    pub(super) size: usize,
    /// Its headers.
    pub(super) headers: usize,
    /// Whether handshakes of draft 00 are let in.
    pub(super) draft00: Draft00,
}

/// Whether handshakes of draft 00 are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draft00 {
    LetIn,
    Refused,
}

/// What was read up to the end of the head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// All of it, and perhaps more that came with it.
    pub(super) bytes: Vec<u8>,
    /// How many of them are the head.
    pub(super) length: usize,
    /// The challenge of draft 00. It is not among them any more, nor the header with which some clients announce it
    /// as a body.
    pub(super) challenge: Option<[u8; CHALLENGE]>,
}

/// Why a head cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHead {
    #[error("The request line and the headers are longer than {0} bytes (max-header-size).")]
    TooLong(usize),
    #[error("There are more than {0} headers (max-headers).")]
    TooMany(usize),
    #[error("The request target holds {0:?}, which must be percent-encoded there, as {1}.")]
    Character(char, String),
    #[error("The request target {0:?} is not one of HTTP.")]
    Target(String),
    #[error("This is not a request of HTTP/1.1: {0}.")]
    Malformed(httparse::Error),
}

/// Reads up to the end of the head.
///
/// # Errors
///
/// The connection was lost, or ended before.
///
/// # Cancel safety
///
/// None: what was read is lost with the future.
pub(super) async fn read(
    mut stream: impl AsyncRead + Unpin,
    bounds: Bounds,
) -> std::io::Result<Result<Head, BadHead>> {
    let mut bytes = Vec::with_capacity(READ);
    // The end of the head is not in front of this: what trickles is not searched again and again.
    let mut searched = 0;
    loop {
        let is_first = bytes.is_empty();
        bytes.reserve(READ);
        if (&mut stream).take(READ as u64).read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let end = end(&bytes, &mut searched);
        if end.unwrap_or(bytes.len()) > bounds.size {
            return Ok(Err(BadHead::TooLong(bounds.size)));
        }
        // What is not HTTP may never have an end.
        if is_first || end.is_some() {
            match check(&bytes[..end.unwrap_or(bytes.len())], bounds) {
                Err(unfit) => return Ok(Err(unfit)),
                Ok(Kind::Usual) => {}
                Ok(Kind::Draft00 { announced }) => {
                    let Some(end) = end else { continue };
                    while bytes.len() < end + CHALLENGE {
                        if stream.read_buf(&mut bytes).await? == 0 {
                            return Err(std::io::ErrorKind::UnexpectedEof.into());
                        }
                    }
                    let challenge = bytes[end..].first_chunk().copied();
                    bytes.drain(end..end + CHALLENGE);
                    let length = end - announced.len();
                    bytes.drain(announced);
                    return Ok(Ok(Head { bytes, length, challenge }));
                }
            }
        }
        if let Some(length) = end {
            return Ok(Ok(Head { bytes, length, challenge: None }));
        }
    }
}

/// Where the head ends: behind the first empty line that is not in front of the request line (RFC 9112 §2.2).
fn end(bytes: &[u8], searched: &mut usize) -> Option<usize> {
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let from = begin.max(*searched);
    // An empty line may be cut anywhere.
    *searched = bytes.len().saturating_sub(2);
    memchr::memchr_iter(b'\n', &bytes[from..]).map(|permit| from + permit + 1).find_map(|line| {
        match &bytes[line..] {
            [b'\n', ..] => Some(line + 1),
            [b'\r', b'\n', ..] => Some(line + 2),
            _ => None,
        }
    })
}

/// What a head is of.
enum Kind {
    Usual,
    Draft00 {
        /// Where the line is that announces the challenge as a body of that length, as some clients do. Empty if
        /// there is none, as the draft has it.
        announced: Range<usize>,
    },
}

/// Parses a head, or its beginning, as the HTTP library does.
fn check(head: &[u8], bounds: Bounds) -> Result<Kind, BadHead> {
    let mut headers = vec![httparse::EMPTY_HEADER; bounds.headers];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(Status::Partial) => return Ok(Kind::Usual),
        Ok(Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooMany(bounds.headers)),
        Err(error) => return Err(BadHead::Malformed(error)),
    }
    let target = request.path.unwrap_or_default();
    if target.parse::<Uri>().is_err() {
        return Err(unfit_target(target));
    }
    let header =
        |name: &str| request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    // A handshake that has a key or a version is one of a later draft.
    let is_draft00 = bounds.draft00 == Draft00::LetIn
        && [KEY1, KEY2].iter().all(|name| header(name).is_some())
        && [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION]
            .iter()
            .all(|name| header(name.as_str()).is_none());
    if !is_draft00 {
        return Ok(Kind::Usual);
    }
    let length = header(CONTENT_LENGTH.as_str()).filter(|length| length.value.trim_ascii() == b"8");
    let announced = length.map_or(0..0, |length| line_of(head, length.name));
    Ok(Kind::Draft00 { announced })
}

/// The line of the head that begins with a header's name, with its end.
fn line_of(head: &[u8], name: &str) -> Range<usize> {
    let begin = (name.as_ptr() as usize).saturating_sub(head.as_ptr() as usize);
    let rest = head.get(begin..).unwrap_or_default();
    begin..begin + memchr::memchr(b'\n', rest).map_or(0, |end| end + 1)
}

/// RFC 3986 §2: what can stand in a URI only if it is percent-encoded.
fn unfit_target(target: &str) -> BadHead {
    let stray = |character: &char| !character.is_ascii() || r#""<>\^`{|}"#.contains(*character);
    match target.chars().find(stray) {
        Some(character) => {
            let mut encoded = String::new();
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                encoded += &format!("%{byte:02X}");
            }
            BadHead::Character(character, encoded)
        }
        None => BadHead::Target(target.chars().take(100).collect()),
    }
}

impl BadHead {
    /// What the client is told.
    pub(super) fn answer(&self) -> Response<Body> {
        let status = match self {
            Self::TooLong(_) | Self::TooMany(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Character(..) | Self::Target(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
        };
        text(status, format!("{self}\n"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    const BOUNDS: Bounds = Bounds { size: 8192, headers: 10, draft00: Draft00::LetIn };
    const PLAIN: &[u8] = b"GET /?a=%22 HTTP/1.1\r\nHost: a\r\n\r\n";
    const DRAFT: &[u8] =
        b"GET / HTTP/1.1\r\nSec-WebSocket-Key1: 1 2\r\nsec-websocket-key2: 3 4\r\n\r\n";

    async fn read_in(parts: &[&[u8]], bounds: Bounds) -> Option<Result<Head, BadHead>> {
        let (mut far, near) = duplex(1 << 16);
        let reading = tokio::spawn(read(near, bounds));
        for part in parts {
            // Who was refused has gone.
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
                let head = read_in(&[one, other], BOUNDS).await.expect("an end").expect("a head");
                assert_eq!(head.challenge.as_ref(), challenge, "{cut}");
                assert_eq!(head.bytes.len(), whole.len() - challenge.map_or(0, |_| 8), "{cut}");
            }
        }
    }

    #[tokio::test]
    async fn what_follows_a_challenge_is_kept() {
        let head = read_in(&[DRAFT, b"1234", b"5678\0frame\xff"], BOUNDS).await;
        let head = head.expect("an end").expect("a head");
        assert_eq!(head.bytes[DRAFT.len()..], b"\0frame\xff"[..head.bytes.len() - DRAFT.len()]);
        let keys = &DRAFT[16..];
        let announced =
            [b"GET / HTTP/1.1\r\ncontent-length: 8 \r\n", keys, b"12345678\0a\xff"].concat();
        let head = read_in(&[&announced], BOUNDS).await.expect("an end").expect("a head");
        let expected = ([DRAFT, b"\0a\xff"].concat(), Some(*b"12345678"));
        assert_eq!((head.bytes, head.challenge), expected);
        let newer = [b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n", keys, b"12345678"].concat();
        let head = read_in(&[&newer], BOUNDS).await.expect("an end").expect("a head");
        assert_eq!((head.bytes, head.challenge), (newer, None));
        let refused = Bounds { draft00: Draft00::Refused, ..BOUNDS };
        let head = read_in(&[DRAFT, b"12345678"], refused).await.expect("an end").expect("a head");
        assert_eq!(head.challenge, None);
    }

    #[tokio::test]
    async fn head_that_cannot_be_served_is_explained() {
        let many = [b"GET / HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(11), b"\r\n"].concat();
        let long = [b"GET / HTTP/1.1\r\na: ".as_slice(), &[b'a'; 9000], b"\r\n\r\n"].concat();
        for (head, word) in [
            (b"GET /?a=\"b\" HTTP/1.1\r\n\r\n".as_slice(), "%22"),
            (b"GET /?a=<b> HTTP/1.1\r\n\r\n", "%3C"),
            (b"\x16\x03\x01\x02\x00\x01\x00", "not a request"),
            (b"GET / HTTP/1.1\r\nbad header: 1\r\n\r\n", "header name"),
            (b"GET / HTTP/1.1\r\nHost : 1\r\n\r\n", "header name"),
            (b"GET / HTTP/9.9\r\n\r\n", "version"),
            (b"nonsense\r\n\r\n", "not a request"),
            (&many, "10 headers"),
            (&long, "8192 bytes"),
        ] {
            let unfit = read_in(&[head], BOUNDS).await.expect("an answer").expect_err("a refusal");
            assert!(unfit.to_string().contains(word), "{unfit}");
        }
    }

    #[tokio::test]
    async fn client_that_leaves_before_the_end_gets_no_answer() {
        for beginning in
            [b"".as_slice(), b"\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n", &[DRAFT, b"1234"].concat()]
        {
            assert_eq!(read_in(&[beginning], BOUNDS).await, None);
        }
    }
}
