//! Frames as a client sends them, and what must come back.

use std::hash::{BuildHasher, RandomState};

/// The masking key of a frame.
pub(crate) type Key = [u8; 4];

/// Masking keys that a server cannot foresee: xorshift from a random seed. Not for secrets.
pub(crate) struct Keys(u64);

impl Keys {
    /// A new sequence.
    pub(crate) fn new() -> Self {
        // Zero is the one state that xorshift never leaves.
        Self(RandomState::new().hash_one(0) | 1)
    }

    /// The next one.
    pub(crate) fn next_key(&mut self) -> Key {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [.., a, b, c, d] = self.0.to_le_bytes();
        [a, b, c, d]
    }
}

/// Which of the two kinds a message is of, as the first octet of its frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What is echoed.
    Text = 0x81,
    /// What goes to all.
    Binary = 0x82,
    /// What is echoed, compressed (RFC 7692 §6).
    CompressedText = 0xc1,
}

/// The letters of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// ASCII alone, which is the least work to check.
    Latin,
    /// Two octets for each letter, and so an even number of them in all.
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

/// Messages of one length: as they go to the server, and as they must come back.
///
/// Each begins with its masking key in hexadecimal, so that no two are alike and an old echo is not
/// taken for a new one. All else they have in common, so that it stays in the processor's caches
/// however many connections there are.
pub(crate) struct Pattern {
    /// The header of the masked frame, up to its key.
    header: Vec<u8>,
    /// The frame that comes back, apart from the key at the beginning of its payload.
    answer: Vec<u8>,
    /// Where the payload begins in `answer`.
    payload: usize,
}

impl Pattern {
    /// Messages of so many octets.
    pub(crate) fn new(kind: Kind, octets: usize) -> Self {
        Self::written_in(Script::Latin, kind, octets)
    }

    /// Messages of so many octets in this script.
    pub(crate) fn written_in(script: Script, kind: Kind, octets: usize) -> Self {
        let mut answer = header(kind, octets, 0);
        let payload = answer.len();
        answer.extend(script.letters().bytes().cycle().take(octets));
        Self { header: header(kind, octets, 0x80), answer, payload }
    }

    /// Octets of the frame that comes back.
    pub(crate) fn answer_length(&self) -> usize {
        self.answer.len()
    }

    /// Writes the masked frame of a new message behind what is there, and tells its key.
    pub(crate) fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key {
        let key = keys.next_key();
        requests.extend_from_slice(&self.header);
        requests.extend_from_slice(&key);
        let begin = requests.len();
        let payload = &self.answer[self.payload..];
        requests.extend_from_slice(payload);
        let masked = &mut requests[begin..];
        for (octet, digit) in masked.iter_mut().zip(digits(key)) {
            *octet = digit;
        }
        mask(masked, key);
        key
    }

    /// Whether these octets stand at this place of the frame that must come back for a key.
    pub(crate) fn matches(&self, key: Key, place: usize, octets: &[u8]) -> bool {
        let Some(common) = self.answer.get(place..place + octets.len()) else {
            return false;
        };
        let digits = digits(key);
        // Where the key begins and ends in these octets.
        let here = |place_in_frame: usize| {
            place_in_frame.min(self.answer.len()).saturating_sub(place).min(octets.len())
        };
        let (begin, end) = (here(self.payload), here(self.payload + digits.len()));
        // Empty where the key lies elsewhere.
        let digits = digits.get(place.saturating_sub(self.payload)..).unwrap_or_default();
        octets[..begin] == common[..begin]
            && digits.starts_with(&octets[begin..end])
            && octets[end..] == common[end..]
    }
}

/// A key in hexadecimal.
pub(crate) fn digits(key: Key) -> [u8; 8] {
    let [a, b, c, d] = key;
    [a >> 4, a & 15, b >> 4, b & 15, c >> 4, c & 15, d >> 4, d & 15]
        .map(|digit| b"0123456789abcdef"[usize::from(digit)])
}

/// A masked close frame with code 1000.
pub(crate) fn close_frame(keys: &mut Keys) -> [u8; 8] {
    let [a, b, c, d] = keys.next_key();
    let [high, low] = 1000_u16.to_be_bytes();
    [0x88, 0x82, a, b, c, d, high ^ a, low ^ b]
}

/// Masks a payload, eight octets at a time: the generator's own work has to stay small.
pub(crate) fn mask(payload: &mut [u8], key: Key) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (octet, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *octet ^= key;
    }
}

/// The header of a whole message up to its masking key (RFC 6455 §5.2).
pub(crate) fn header(kind: Kind, octets: usize, mask: u8) -> Vec<u8> {
    let first = kind as u8;
    match octets {
        0..=125 => vec![first, mask | octets as u8],
        126..=0xffff => [&[first, mask | 126][..], &(octets as u16).to_be_bytes()].concat(),
        _ => [&[first, mask | 127][..], &(octets as u64).to_be_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmasked(frame: &[u8], header: usize) -> Vec<u8> {
        let (key, payload) = frame[header..].split_at(4);
        payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key).collect()
    }

    /// A new message: its key, its masked frame and the frame that must come back.
    fn message(pattern: &Pattern, keys: &mut Keys) -> (Key, Vec<u8>, Vec<u8>) {
        let mut request = Vec::new();
        let key = pattern.write_request(keys, &mut request);
        let payload = unmasked(&request, pattern.header.len());
        let answer = [&pattern.answer[..pattern.payload], &payload].concat();
        (key, request, answer)
    }

    #[test]
    fn request_comes_back_at_every_length_of_header() {
        for (octets, header) in [(3, 2), (20, 2), (1021, 4), (70_003, 10)] {
            let pattern = Pattern::new(Kind::Text, octets);
            let (key, request, answer) = message(&pattern, &mut Keys::new());
            assert_eq!((request[0], answer[0]), (0x81, 0x81));
            assert_eq!((request.len(), answer.len()), (header + 4 + octets, header + octets));
            assert!(answer[header..].starts_with(&digits(key)[..octets.min(8)]));
            assert!(pattern.matches(key, 0, &answer));
        }
    }

    #[test]
    fn answer_is_recognised_in_pieces_and_each_wrong_octet_noticed() {
        for octets in [3, 20, 300] {
            let pattern = Pattern::new(Kind::Text, octets);
            let (key, _, answer) = message(&pattern, &mut Keys::new());
            for cut in 0..=answer.len() {
                assert!(pattern.matches(key, 0, &answer[..cut]), "{octets} {cut}");
                assert!(pattern.matches(key, cut, &answer[cut..]), "{octets} {cut}");
            }
            for wrong in 0..answer.len() {
                let mut answer = answer.clone();
                answer[wrong] ^= 1;
                assert!(!pattern.matches(key, 0, &answer), "{octets} {wrong}");
                assert!(!pattern.matches(key, wrong, &answer[wrong..]), "{octets} {wrong}");
            }
            assert!(!pattern.matches(key, 1, &answer));
        }
    }

    #[test]
    fn no_message_is_like_the_one_before() {
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
    fn close_frame_says_1000() {
        let frame = close_frame(&mut Keys::new());
        assert_eq!(unmasked(&frame, 2), [0x03, 0xe8]);
    }
}
