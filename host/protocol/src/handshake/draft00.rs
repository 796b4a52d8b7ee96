//! The opening handshake of draft-ietf-hybi-thewebsocketprotocol-00 (hixie-76), server side.
//!
//! The client proves nothing. The server proves that it has read two keys in the head. It also proves that it has read
//! eight bytes after the head. An ordinary HTTP server would not treat these bytes as a part of the request.

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use md5::{Digest, Md5};

use super::headers::{Single, list, single, unique};
use super::{Rejection, Scheme};

pub(super) const KEY1: HeaderName = HeaderName::from_static("sec-websocket-key1");
pub(super) const KEY2: HeaderName = HeaderName::from_static("sec-websocket-key2");

/// The length in bytes of the third key, which follows the head of the request (§1.3).
pub(super) const KEY3_LENGTH: usize = 8;

/// The length in bytes of the MD5 digest that follows the head of the response (§1.3).
pub(super) const ANSWER_LENGTH: usize = 16;

/// Returns the MD5 digest of the numbers in the first two keys (in network byte order) and of the third key (§5.2).
pub(super) fn challenge_response(
    headers: &HeaderMap,
    key3: [u8; KEY3_LENGTH],
) -> Result<[u8; ANSWER_LENGTH], Rejection> {
    let number = |name| match single(headers, name) {
        Single::Value(key) => number(key),
        Single::Missing | Single::Malformed => Err(Rejection::DraftKeyMissing),
    };
    let sum = Md5::new()
        .chain_update(number(KEY1)?.to_be_bytes())
        .chain_update(number(KEY2)?.to_be_bytes())
        .chain_update(key3)
        .finalize();
    Ok(sum.into())
}

/// Reads the digits of a key as one number. Returns this number divided by the number of spaces in the key (§5.2).
///
/// HTTP strips spaces at the start and end of a value, but a key has none there: a client inserts spaces "at random
/// positions other than the start or end" (§4.1).
fn number(key: &str) -> Result<u32, Rejection> {
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    let number: u32 = digits.parse().map_err(|_| Rejection::DraftKeyNumber)?;
    let spaces = key.bytes().filter(|byte| *byte == b' ').count();
    match u32::try_from(spaces) {
        Ok(0) => Err(Rejection::DraftKeyWithoutSpaces),
        Ok(spaces) if number.is_multiple_of(spaces) => Ok(number / spaces),
        _ => Err(Rejection::DraftKeyNotMultiple),
    }
}

/// Returns the value of `Sec-WebSocket-Location` (§5.2). It is the URL that the client requested, with the host in
/// lower case. The client compares this value with its own URL in the same form.
pub(super) fn location(scheme: Scheme, host: &str, uri: &Uri) -> Result<HeaderValue, Rejection> {
    let resource = uri.path_and_query().map_or("/", |resource| resource.as_str());
    // In the client's own URL, a colon after the host is always followed by a port.
    let host = host.strip_suffix(':').unwrap_or(host).to_ascii_lowercase();
    HeaderValue::try_from(format!("{}://{host}{resource}", scheme.of_websocket()))
        .map_err(|_| Rejection::Host)
}

/// Returns the offered subprotocols. They are names of visible characters, separated by spaces. Some clients separate
/// them with commas, as later drafts do.
pub(super) fn subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Rejection> {
    let lists = list(headers, SEC_WEBSOCKET_PROTOCOL).ok_or(Rejection::SubprotocolsMalformed)?;
    Ok(unique(lists.iter().flat_map(|names| names.split_ascii_whitespace())))
}
