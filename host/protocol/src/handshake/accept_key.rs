//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §1.3, §4.2.2).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

/// The text that is appended to the key, so that no server sends a correct response by accident (§1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The number of bytes that a key encodes (§4.1).
pub(crate) const KEY_LENGTH: usize = 16;

/// The maximum length of a text accepted as a key, in bytes: more than five times the length of 16 bytes in base64.
const MAX_DRAFT_KEY: usize = 128;

pub(crate) fn encode_key(key: [u8; KEY_LENGTH]) -> String {
    BASE64_STANDARD.encode(key)
}

/// Returns whether `key` is the base64 form of 16 bytes.
pub(crate) fn is_key(key: &str) -> bool {
    BASE64_STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == KEY_LENGTH)
}

/// Returns whether a client of drafts 07 and 08 may send this key. The drafts also require 16 bytes, but the response
/// is computed in the same way for any text, and clients of that time sent other lengths.
pub(crate) fn is_draft_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= MAX_DRAFT_KEY && key.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(crate) fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    BASE64_STANDARD.encode(digest)
}
