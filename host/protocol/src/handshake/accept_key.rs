//! From `Sec-WebSocket-Key` to `Sec-WebSocket-Accept` (RFC 6455 §1.3, §4.2.2).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

/// §1.3: concatenated to the key, so that no server answers right by chance.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How many octets a key encodes (§4.1).
pub(crate) const KEY_OCTETS: usize = 16;

/// Octets of the longest text that is taken for a key: five times what 16 octets are in base64.
const MAX_DRAFT_KEY: usize = 128;

pub(crate) fn encode_key(key: [u8; KEY_OCTETS]) -> String {
    BASE64_STANDARD.encode(key)
}

/// Whether this is the base64 form of 16 octets.
pub(crate) fn is_key(key: &str) -> bool {
    BASE64_STANDARD.decode(key).is_ok_and(|octets| octets.len() == KEY_OCTETS)
}

/// Whether a client of drafts 07 and 08 may have this key. They ask for 16 octets, too, but the answer is the
/// same sum of whatever text it is, and clients of that time sent other lengths.
pub(crate) fn is_draft_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= MAX_DRAFT_KEY
        && key.bytes().all(|octet| octet.is_ascii_graphic())
}

pub(crate) fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    BASE64_STANDARD.encode(digest)
}
