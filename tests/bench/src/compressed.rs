//! Compressed messages as a client sends them, and whether what comes back inflates to them.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, Decompress, FlushDecompress, Status, write::DeflateEncoder};

use crate::chat;
use crate::client::Extension;
use crate::load::{Messages, Taken};
use crate::message::{Key, Keys, Kind, digits, header, mask};

/// What stands before the key of a message, which is at its beginning as in others.
const BEFORE_KEY: &str = "{\"id\":\"";

/// Octets of a key in hexadecimal.
const DIGITS: usize = 8;

/// What a sender takes from the end of a message, and a receiver appends (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Messages of one length, which servers inflate and compress again.
///
/// Compressing costs several times what inflating does, so that each message is compressed but once: its
/// key stands in a block of its own without compression (RFC 1951 §3.2.4), and all behind it they have in
/// common. What comes back is inflated and compared octet by octet.
pub(crate) struct Compressed {
    /// The message, apart from its key.
    text: Vec<u8>,
    /// The payload of its frame, apart from its key.
    payload: Vec<u8>,
    /// Where the key stands there.
    key_place: usize,
    inflater: Decompress,
    inflated: Vec<u8>,
    /// Octets of the last echo's frame.
    echo: Option<usize>,
}

impl Compressed {
    /// Messages of so many octets.
    pub(crate) fn new(octets: usize) -> Result<Self> {
        let alone = BEFORE_KEY.len() + DIGITS;
        ensure!(octets > alone, "a message of {octets} octets has no room for its key");
        let begin = format!("{BEFORE_KEY}{:DIGITS$}", "");
        let text = begin + "\",\"messages\":" + &chat::text(octets);
        let text = text.into_bytes()[..octets].to_vec();
        let length = u16::try_from(alone)?;
        let mut payload = vec![0];
        payload.extend_from_slice(&length.to_le_bytes());
        payload.extend_from_slice(&(!length).to_le_bytes());
        let key_place = payload.len() + BEFORE_KEY.len();
        payload.extend_from_slice(&text[..alone]);
        let mut encoder = DeflateEncoder::new(payload, Compression::default());
        encoder.write_all(&text[alone..])?;
        encoder.flush()?;
        // What has been flushed is on an octet's boundary; the rest would be its last block.
        let mut payload = encoder.get_ref().clone();
        ensure!(payload.ends_with(&TAIL), "a flush ends with an empty block");
        payload.truncate(payload.len() - TAIL.len());
        let inflated = Vec::with_capacity(octets + 1);
        let inflater = Decompress::new(false);
        Ok(Self { text, payload, key_place, inflater, inflated, echo: None })
    }

    /// Whether the payload of an echo inflates to the message with this key.
    fn matches(&mut self, key: Key, payload: &[u8]) -> Result<bool> {
        let Self { text, inflater, inflated, .. } = self;
        inflater.reset(false);
        inflated.clear();
        let mut inflate = |octets| inflater.decompress_vec(octets, inflated, FlushDecompress::Sync);
        // Behind a last block there is nothing (§7.2.3.4).
        if inflate(payload).context("an echo that does not inflate")? != Status::StreamEnd {
            inflate(&TAIL).context("the end of an echo")?;
        }
        let (before, behind) = (BEFORE_KEY.len(), BEFORE_KEY.len() + DIGITS);
        Ok(inflated.len() == text.len()
            && inflated[..before] == text[..before]
            && inflated[before..behind] == digits(key)
            && inflated[behind..] == text[behind..])
    }
}

impl Messages for Compressed {
    /// The beginning of the frame.
    type Begun = Vec<u8>;

    const EXTENSION: Extension = Extension::Deflate;

    fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key {
        let key = keys.next_key();
        requests.extend_from_slice(&header(Kind::CompressedText, self.payload.len(), 0x80));
        requests.extend_from_slice(&key);
        let begin = requests.len();
        requests.extend_from_slice(&self.payload);
        requests[begin + self.key_place..][..DIGITS].copy_from_slice(&digits(key));
        mask(&mut requests[begin..], key);
        key
    }

    fn take(&mut self, key: Key, begun: &mut Vec<u8>, octets: &[u8]) -> Result<Taken> {
        let before = begun.len();
        begun.extend_from_slice(octets);
        let Some((payload, end)) = payload(begun)? else {
            return Ok(Taken::All);
        };
        if begun.len() < end {
            return Ok(Taken::All);
        }
        ensure!(self.matches(key, &begun[payload..end])?, "an echo is not what was sent");
        self.echo = Some(end);
        begun.clear();
        Ok(Taken::Whole(end - before))
    }

    fn echo_octets(&self) -> Option<usize> {
        self.echo
    }
}

/// Where the payload of a frame begins and ends, as soon as its header is there. It must be that of a
/// whole compressed text, which a server does not mask.
fn payload(frame: &[u8]) -> Result<Option<(usize, usize)>> {
    let [first, second, rest @ ..] = frame else {
        return Ok(None);
    };
    let is_compressed = *first == Kind::CompressedText as u8;
    ensure!(is_compressed, "an echo is not compressed in one frame: {first:#04x}");
    let (begin, length) = match (second, rest) {
        (0..=125, _) => (2, u64::from(*second)),
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
        }
        (126 | 127, _) => return Ok(None),
        (128.., _) => bail!("an echo is masked"),
    };
    Ok(Some((begin, begin + usize::try_from(length)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new message, and the frame of a server that sends its payload back as it came.
    fn message(messages: &Compressed) -> (Key, Vec<u8>) {
        let (mut keys, mut request) = (Keys::new(), Vec::new());
        let key = messages.write_request(&mut keys, &mut request);
        let length = messages.payload.len();
        let mut payload = request.split_off(request.len() - length);
        mask(&mut payload, key);
        (key, frame(&payload))
    }

    fn frame(payload: &[u8]) -> Vec<u8> {
        [&header(Kind::CompressedText, payload.len(), 0)[..], payload].concat()
    }

    #[test]
    fn echo_is_recognised_in_pieces() {
        for octets in [100, 1024, 65_536, 1 << 20] {
            let mut messages = Compressed::new(octets).unwrap();
            let (key, echo) = message(&messages);
            let mut begun = Vec::new();
            for (index, octet) in echo.iter().enumerate() {
                let taken = messages.take(key, &mut begun, &[*octet]).unwrap();
                let is_last = index + 1 == echo.len();
                assert_eq!(taken, if is_last { Taken::Whole(1) } else { Taken::All });
            }
            assert_eq!(messages.echo_octets(), Some(echo.len()));
        }
    }

    #[test]
    fn what_follows_an_echo_is_left() {
        let mut messages = Compressed::new(1024).unwrap();
        let (key, echo) = message(&messages);
        let two = [&echo[..], b"more"].concat();
        let taken = messages.take(key, &mut Vec::new(), &two).unwrap();
        assert_eq!(taken, Taken::Whole(echo.len()));
    }

    /// The text of a message with this key.
    fn text(messages: &Compressed, key: Key) -> Vec<u8> {
        let mut text = messages.text.clone();
        text[BEFORE_KEY.len()..][..DIGITS].copy_from_slice(&digits(key));
        text
    }

    /// The frame of a server that ends its message with a last block.
    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        let mut payload = encoder.finish().unwrap();
        payload.push(0);
        frame(&payload)
    }

    #[test]
    fn echo_may_be_compressed_in_another_way() {
        let mut messages = Compressed::new(1024).unwrap();
        let (key, sent) = message(&messages);
        let echo = compressed(&text(&messages, key));
        assert_ne!(echo, sent);
        let taken = messages.take(key, &mut Vec::new(), &echo).unwrap();
        assert_eq!(taken, Taken::Whole(echo.len()));
    }

    #[test]
    fn each_wrong_octet_is_noticed() {
        let mut messages = Compressed::new(300).unwrap();
        let (key, echo) = message(&messages);
        let text = text(&messages, key);
        for wrong in 0..text.len() {
            let mut text = text.clone();
            text[wrong] ^= 1;
            assert!(messages.take(key, &mut Vec::new(), &compressed(&text)).is_err(), "{wrong}");
        }
        for length in [0, 1, text.len() - 1] {
            let short = compressed(&text[..length]);
            assert!(messages.take(key, &mut Vec::new(), &short).is_err(), "{length}");
        }
        let long = compressed(&[&text[..], b"!"].concat());
        assert!(messages.take(key, &mut Vec::new(), &long).is_err());
        let (other, _) = message(&messages);
        assert!(messages.take(other, &mut Vec::new(), &echo).is_err());
    }

    #[test]
    fn echo_must_be_compressed() {
        let mut messages = Compressed::new(1024).unwrap();
        let (key, _) = message(&messages);
        let text = text(&messages, key);
        let echo = [&header(Kind::Text, text.len(), 0)[..], &text].concat();
        assert!(messages.take(key, &mut Vec::new(), &echo).is_err());
    }

    #[test]
    fn message_is_chat_that_compresses_to_a_quarter() {
        let messages = Compressed::new(65_536).unwrap();
        assert!(messages.text.starts_with(b"{\"id\":\"        \",\"messages\":[{\"from\":\""));
        let share = messages.payload.len() as f64 / messages.text.len() as f64;
        assert!((0.2..0.3).contains(&share), "{share}");
    }
}
