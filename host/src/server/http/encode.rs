//! Answers over HTTP/1.1 that end HTTP on their connection, to the byte: the 101, and every refusal of a
//! handshake.
//!
//! Many clients compare more of a handshake's answer than they should, so it says exactly what the RFC says, in its
//! spelling, and nothing that an HTTP library would add.

use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, DATE, HeaderName};
use http::{Response, StatusCode};

/// Parts of headers' names that RFCs do not spell with one capital letter.
const SPELLED: [(&str, &str); 4] =
    [("websocket", "WebSocket"), ("www", "WWW"), ("etag", "ETag"), ("te", "TE")];

/// Whether the body stands behind the head. An answer to HEAD has none (RFC 9110 §9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyMode {
    Body,
    HeadOnly,
}

/// An answer as it is written.
pub(super) fn bytes(response: &Response<impl AsRef<[u8]>>, show: BodyMode) -> Vec<u8> {
    let status = response.status();
    let body = response.body().as_ref();
    let mut bytes = Vec::with_capacity(256 + body.len());
    let reason = status.canonical_reason().unwrap_or("Unknown");
    bytes.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).as_bytes());
    for (name, value) in response.headers() {
        push(&mut bytes, name, value.as_bytes());
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        // RFC 9110 §15.4.5: that one has no content.
        if status != StatusCode::NOT_MODIFIED {
            push(&mut bytes, &CONTENT_LENGTH, body.len().to_string().as_bytes());
        }
        // RFC 9110 §6.6.1: a server with a clock sends it.
        let now = httpdate::fmt_http_date(SystemTime::now());
        push(&mut bytes, &DATE, now.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    if show == BodyMode::Body && status != StatusCode::NOT_MODIFIED {
        bytes.extend_from_slice(body);
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    spell(bytes, name.as_str());
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
}

/// As RFCs write it: `Sec-WebSocket-Accept`.
fn spell(bytes: &mut Vec<u8>, name: &str) {
    for (index, part) in name.split('-').enumerate() {
        if index > 0 {
            bytes.push(b'-');
        }
        match SPELLED.iter().find(|(plain, _)| *plain == part) {
            Some((_, spelled)) => bytes.extend_from_slice(spelled.as_bytes()),
            None => {
                let begin = bytes.len();
                bytes.extend_from_slice(part.as_bytes());
                bytes[begin..].iter_mut().take(1).for_each(u8::make_ascii_uppercase);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_rfcs_write_them() {
        for (name, spelled) in [
            ("sec-websocket-accept", "Sec-WebSocket-Accept"),
            ("connection", "Connection"),
            ("www-authenticate", "WWW-Authenticate"),
            ("x-request-id", "X-Request-Id"),
            ("-", "-"),
        ] {
            let mut bytes = Vec::new();
            spell(&mut bytes, name);
            assert_eq!(String::from_utf8(bytes).as_deref(), Ok(spelled));
        }
    }
}
