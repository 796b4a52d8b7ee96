//! The response to a handshake.

use super::request::Refused;

/// How many bytes the names and values of the added headers may have together.
const MAX_HEADERS: usize = 8 << 10;

/// How many bytes the body of a refusal may have.
const MAX_BODY: usize = 64 << 10;

/// The headers that the handshake itself needs, besides `sec-websocket-*`.
const RESERVED: [&str; 4] = ["connection", "upgrade", "content-length", "transfer-encoding"];

/// The parts of the response that a handler has set while `connected` runs.
#[derive(Clone, Debug, Default)]
pub(super) struct HandshakeResponse {
    pub(super) subprotocol: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    status: Option<u16>,
    body: Option<(String, Vec<u8>)>,
}

impl HandshakeResponse {
    pub(super) fn add_header(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        if !is_token(name) || !value.bytes().all(is_value_byte) {
            return Err("invalid-header");
        }
        let name = name.to_ascii_lowercase();
        if RESERVED.contains(&&*name) || name.starts_with("sec-websocket-") {
            return Err("reserved-header");
        }
        let present: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if present + name.len() + value.len() > MAX_HEADERS {
            return Err("too-long");
        }
        self.headers.push((name, value.to_owned()));
        Ok(())
    }

    pub(super) fn set_status(&mut self, status: u16) -> Result<(), &'static str> {
        if !(300..600).contains(&status) {
            return Err("invalid-status");
        }
        self.status = Some(status);
        Ok(())
    }

    pub(super) fn set_body(&mut self, content_type: &str, body: &[u8]) -> Result<(), &'static str> {
        if body.len() > MAX_BODY {
            return Err("too-long");
        }
        if content_type.is_empty() || !content_type.bytes().all(is_value_byte) {
            return Err("invalid-header");
        }
        self.body = Some((content_type.to_owned(), body.to_vec()));
        Ok(())
    }

    pub(super) fn into_refusal(mut self) -> Refused {
        let status = self.status.unwrap_or(403);
        let (content_type, body) = self.body.unwrap_or_default();
        if !content_type.is_empty() {
            self.headers.push(("content-type".into(), content_type));
        }
        Refused { status, headers: self.headers, body }
    }
}

/// Returns whether the name is a token (RFC 9110 §5.6.2).
fn is_token(name: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// Returns whether this byte may be in a value. RFC 9110 §5.5 allows visible characters, spaces and tabs.
fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
