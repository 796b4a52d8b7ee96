//! The frames that a client sends, and the frames that must come back.

use std::hash::{BuildHasher, RandomState};

/// The masking key of a frame.
pub(crate) type Key = [u8; 4];

/// Masking keys that a server cannot predict: xorshift from a random seed. Not for secrets.
pub(crate) struct Keys(u64);

impl Keys {
    /// Creates a sequence with a random seed.
    pub(crate) fn new() -> Self {
        // Xorshift never leaves the state zero.
        Self(RandomState::new().hash_one(0) | 1)
    }

    /// Returns the next key.
    pub(crate) fn next_key(&mut self) -> Key {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [.., a, b, c, d] = self.0.to_le_bytes();
        [a, b, c, d]
    }
}

/// The kind of a message, as the first byte of its frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text message, which is echoed.
    Text = 0x81,
    /// A binary message, which is sent to all.
    Binary = 0x82,
    /// A compressed text message, which is echoed (RFC 7692 §6).
    CompressedText = 0xc1,
}

/// The script of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// ASCII, the cheapest to validate.
    Latin,
    /// Two bytes per letter. The length of a message must be even.
    Cyrillic,
}

impl Script {
    fn letters(self) -> &'static str {
        match self {
            Self::Latin => "abcdefghijklmnopqrstuvwxyz ",
            Self::Cyrillic => "абвгдежзийклмнопрстуфхцчшщъыьэюя",
        }
    }
}

/// Messages of one length, as they are sent and as they must come back.
///
/// Each message begins with its masking key in hexadecimal. So no two are alike, and an old echo
/// cannot pass for a new one. The rest is the same in all of them, so that it stays in the
/// processor's caches however many connections there are.
pub(crate) struct Pattern {
    /// The header of the masked frame, without the key.
    header: Vec<u8>,
    /// The frame that comes back, without the key at the beginning of its payload.
    answer: Vec<u8>,
    /// Where the payload begins in `answer`.
    payload: usize,
}

impl Pattern {
    /// Creates messages of `bytes` bytes.
    pub(crate) fn new(kind: Kind, bytes: usize) -> Self {
        Self::written_in(Script::Latin, kind, bytes)
    }

    /// Creates messages of `bytes` bytes in the given script.
    pub(crate) fn written_in(script: Script, kind: Kind, bytes: usize) -> Self {
        let mut answer = header(kind, bytes, 0);
        let payload = answer.len();
        answer.extend(script.letters().bytes().cycle().take(bytes));
        Self { header: header(kind, bytes, 0x80), answer, payload }
    }

    /// Returns the length of the frame that comes back.
    pub(crate) fn answer_length(&self) -> usize {
        self.answer.len()
    }

    /// Appends the masked frame of a new message and returns its key.
    pub(crate) fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key {
        let key = keys.next_key();
        requests.extend_from_slice(&self.header);
        requests.extend_from_slice(&key);
        let begin = requests.len();
        let payload = &self.answer[self.payload..];
        requests.extend_from_slice(payload);
        let masked = &mut requests[begin..];
        for (byte, digit) in masked.iter_mut().zip(digits(key)) {
            *byte = digit;
        }
        mask(masked, key);
        key
    }

    /// Returns whether the frame that must come back for `key` contains these bytes at `offset`.
    pub(crate) fn matches(&self, key: Key, offset: usize, bytes: &[u8]) -> bool {
        let Some(common) = self.answer.get(offset..offset + bytes.len()) else {
            return false;
        };
        let digits = digits(key);
        // Translates an offset in the frame into one in `bytes`.
        let here = |offset_in_frame: usize| {
            offset_in_frame.min(self.answer.len()).saturating_sub(offset).min(bytes.len())
        };
        let (begin, end) = (here(self.payload), here(self.payload + digits.len()));
        // Empty if these bytes do not contain the key.
        let digits = digits.get(offset.saturating_sub(self.payload)..).unwrap_or_default();
        bytes[..begin] == common[..begin]
            && digits.starts_with(&bytes[begin..end])
            && bytes[end..] == common[end..]
    }
}

/// Returns a key in hexadecimal.
pub(crate) fn digits(key: Key) -> [u8; 8] {
    let [a, b, c, d] = key;
    [a >> 4, a & 15, b >> 4, b & 15, c >> 4, c & 15, d >> 4, d & 15]
        .map(|digit| b"0123456789abcdef"[usize::from(digit)])
}

/// Returns a masked close frame with code 1000.
pub(crate) fn close_frame(keys: &mut Keys) -> [u8; 8] {
    let [a, b, c, d] = keys.next_key();
    let [high, low] = 1000_u16.to_be_bytes();
    [0x88, 0x82, a, b, c, d, high ^ a, low ^ b]
}

/// Masks a payload, eight bytes at a time, to keep the generator's own work small.
pub(crate) fn mask(payload: &mut [u8], key: Key) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Returns the header of an unfragmented message, without the masking key (RFC 6455 §5.2).
pub(crate) fn header(kind: Kind, bytes: usize, mask: u8) -> Vec<u8> {
    let first = kind as u8;
    match bytes {
        0..=125 => vec![first, mask | bytes as u8],
        126..=0xffff => [&[first, mask | 126][..], &(bytes as u16).to_be_bytes()].concat(),
        _ => [&[first, mask | 127][..], &(bytes as u64).to_be_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmasked(frame: &[u8], header: usize) -> Vec<u8> {
        let (key, payload) = frame[header..].split_at(4);
        payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    /// Returns a new message: its key, its masked frame and the frame that must come back.
    fn message(pattern: &Pattern, keys: &mut Keys) -> (Key, Vec<u8>, Vec<u8>) {
        let mut request = Vec::new();
        let key = pattern.write_request(keys, &mut request);
        let payload = unmasked(&request, pattern.header.len());
        let answer = [&pattern.answer[..pattern.payload], &payload].concat();
        (key, request, answer)
    }

    #[test]
    fn request_comes_back_with_every_length_of_header() {
        for (bytes, header) in [(3, 2), (20, 2), (1021, 4), (70_003, 10)] {
            let pattern = Pattern::new(Kind::Text, bytes);
            let (key, request, answer) = message(&pattern, &mut Keys::new());
            assert_eq!((request[0], answer[0]), (0x81, 0x81));
            assert_eq!((request.len(), answer.len()), (header + 4 + bytes, header + bytes));
            assert!(answer[header..].starts_with(&digits(key)[..bytes.min(8)]));
            assert!(pattern.matches(key, 0, &answer));
        }
    }

    #[test]
    fn answer_matches_in_pieces_and_every_wrong_byte_is_detected() {
        for bytes in [3, 20, 300] {
            let pattern = Pattern::new(Kind::Text, bytes);
            let (key, _, answer) = message(&pattern, &mut Keys::new());
            for cut in 0..=answer.len() {
                assert!(pattern.matches(key, 0, &answer[..cut]), "{bytes} {cut}");
                assert!(pattern.matches(key, cut, &answer[cut..]), "{bytes} {cut}");
            }
            for wrong in 0..answer.len() {
                let mut answer = answer.clone();
                answer[wrong] ^= 1;
                assert!(!pattern.matches(key, 0, &answer), "{bytes} {wrong}");
                assert!(!pattern.matches(key, wrong, &answer[wrong..]), "{bytes} {wrong}");
            }
            assert!(!pattern.matches(key, 1, &answer));
        }
    }

    #[test]
    fn every_message_differs_from_the_previous_one() {
        let (pattern, mut keys) = (Pattern::new(Kind::Binary, 20), Keys::new());
        let (_, _, before) = message(&pattern, &mut keys);
        let (key, _, answer) = message(&pattern, &mut keys);
        assert!(pattern.matches(key, 0, &answer));
        assert!(!pattern.matches(key, 0, &before));
    }

    #[test]
    fn request_is_text_in_every_script() {
        for (script, is_ascii) in [(Script::Latin, true), (Script::Cyrillic, false)] {
            let pattern = Pattern::written_in(script, Kind::Text, 64);
            let (_, request, _) = message(&pattern, &mut Keys::new());
            let text = String::from_utf8(unmasked(&request, 2)).unwrap();
            assert_eq!(text.is_ascii(), is_ascii, "{text}");
        }
    }

    #[test]
    fn close_frame_has_code_1000() {
        let frame = close_frame(&mut Keys::new());
        assert_eq!(unmasked(&frame, 2), [0x03, 0xe8]);
    }
}
