//! The opening handshake of draft-ietf-hybi-thewebsocketprotocol-00 (hixie-76), server side.
//!
//! The client proves nothing; the server proves that it has read two keys in the head and eight
//! octets behind it, which no HTTP server would take for a part of the request.

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use md5::{Digest, Md5};

use super::headers::{Single, each_once, list, single};
use super::{Rejection, Scheme};

pub(super) const KEY1: HeaderName = HeaderName::from_static("sec-websocket-key1");
pub(super) const KEY2: HeaderName = HeaderName::from_static("sec-websocket-key2");

/// §1.3: what follows the head of the request.
pub(super) const KEY3_OCTETS: usize = 8;

/// §1.3: what follows the head of the answer, an MD5 sum.
pub(super) const ANSWER_OCTETS: usize = 16;

/// §5.2: the sum of both keys' numbers, in network order, and the octets behind the head.
pub(super) fn answer(
    headers: &HeaderMap,
    key3: [u8; KEY3_OCTETS],
) -> Result<[u8; ANSWER_OCTETS], Rejection> {
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

/// §5.2: the digits of a key, read as one number, divided by the count of its spaces.
///
/// Space around a header's value is lost in HTTP. No key has any there: a client puts its spaces
/// "at random positions other than the start or end" (§4.1).
fn number(key: &str) -> Result<u32, Rejection> {
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    let number: u32 = digits.parse().map_err(|_| Rejection::DraftKeyNumber)?;
    let spaces = key.bytes().filter(|octet| *octet == b' ').count();
    match u32::try_from(spaces) {
        Ok(0) => Err(Rejection::DraftKeyWithoutSpaces),
        Ok(spaces) if number.is_multiple_of(spaces) => Ok(number / spaces),
        _ => Err(Rejection::DraftKeyNotMultiple),
    }
}

/// §5.2: `Sec-WebSocket-Location`, the address that the client asked for, in the form in which the
/// client compares it with its own: the host in lower case.
pub(super) fn location(scheme: Scheme, host: &str, uri: &Uri) -> Result<HeaderValue, Rejection> {
    let resource = uri.path_and_query().map_or("/", |resource| resource.as_str());
    // A colon without a port behind it is not in an address that a client compares.
    let host = host.strip_suffix(':').unwrap_or(host).to_ascii_lowercase();
    HeaderValue::try_from(format!("{}://{host}{resource}", scheme.of_websocket()))
        .map_err(|_| Rejection::Host)
}

/// Names of visible characters, with spaces between. Its clients wrote commas too, as the later
/// drafts have it.
pub(super) fn subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Rejection> {
    let lists = list(headers, SEC_WEBSOCKET_PROTOCOL).ok_or(Rejection::SubprotocolsMalformed)?;
    Ok(each_once(lists.iter().flat_map(|names| names.split_ascii_whitespace())))
}
