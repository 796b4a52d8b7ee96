//! Byte-exact encoding of the last HTTP/1.1 response on a connection: the 101, or the rejection of a handshake.
//!
//! Many clients compare more of a handshake response than they should. So the response contains exactly what the RFC
//! requires, in the RFC's spelling, and nothing that an HTTP library would add.

use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, DATE, HeaderName};
use http::{Method, Response, StatusCode};

/// Parts of header names in which the RFCs capitalize more than the first letter.
const SPECIAL_SPELLINGS: [(&str, &str); 4] =
    [("websocket", "WebSocket"), ("www", "WWW"), ("etag", "ETag"), ("te", "TE")];

/// Whether the body is sent. A response to HEAD has none (RFC 9110 §9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyMode {
    Send,
    Omit,
}

impl BodyMode {
    /// Returns the mode of the response to a request with this method.
    pub(super) fn of(method: &Method) -> Self {
        if method == Method::HEAD { Self::Omit } else { Self::Send }
    }
}

/// Encodes a response.
pub(super) fn encode(response: &Response<impl AsRef<[u8]>>, mode: BodyMode) -> Vec<u8> {
    let status = response.status();
    let body = response.body().as_ref();
    let mut bytes = Vec::with_capacity(256 + body.len());
    let reason = status.canonical_reason().unwrap_or("Unknown");
    bytes.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).as_bytes());
    for (name, value) in response.headers() {
        push_header(&mut bytes, name, value.as_bytes());
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        // RFC 9110 §15.4.5: a 304 has no content.
        if status != StatusCode::NOT_MODIFIED {
            push_header(&mut bytes, &CONTENT_LENGTH, body.len().to_string().as_bytes());
        }
        // RFC 9110 §6.6.1: a server with a clock sends the date.
        let now = httpdate::fmt_http_date(SystemTime::now());
        push_header(&mut bytes, &DATE, now.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    if mode == BodyMode::Send && status != StatusCode::NOT_MODIFIED {
        bytes.extend_from_slice(body);
    }
    bytes
}

fn push_header(bytes: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    push_name(bytes, name.as_str());
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
}

/// Appends a header name as RFCs spell it, such as `Sec-WebSocket-Accept`.
fn push_name(bytes: &mut Vec<u8>, name: &str) {
    for (index, part) in name.split('-').enumerate() {
        if index > 0 {
            bytes.push(b'-');
        }
        match SPECIAL_SPELLINGS.iter().find(|(plain, _)| *plain == part) {
            Some((_, spelling)) => bytes.extend_from_slice(spelling.as_bytes()),
            None => {
                let start = bytes.len();
                bytes.extend_from_slice(part.as_bytes());
                bytes[start..].iter_mut().take(1).for_each(u8::make_ascii_uppercase);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_are_spelled_as_in_rfcs() {
        for (name, spelled) in [
            ("sec-websocket-accept", "Sec-WebSocket-Accept"),
            ("connection", "Connection"),
            ("www-authenticate", "WWW-Authenticate"),
            ("x-request-id", "X-Request-Id"),
            ("-", "-"),
        ] {
            let mut bytes = Vec::new();
            push_name(&mut bytes, name);
            assert_eq!(String::from_utf8(bytes).as_deref(), Ok(spelled));
        }
    }
}
