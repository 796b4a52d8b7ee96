//! Compressed messages, and the check that their echoes inflate to the same text.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, Decompress, FlushDecompress, Status, write::DeflateEncoder};

use crate::chat;
use crate::client::Extension;
use crate::load::{Consumed, Messages};
use crate::message::{Key, Keys, Kind, digits, header, mask};

/// The beginning of a message, before its key. Like every message, a compressed one starts with its
/// key.
const BEFORE_KEY: &str = "{\"id\":\"";

/// Bytes of a key in hexadecimal.
const DIGITS: usize = 8;

/// What a sender removes from the end of a message and a receiver appends (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Messages of one length, which servers inflate and compress again.
///
/// Compressing costs several times as much as inflating. So the text is compressed only once: the
/// key has a block of its own without compression (RFC 1951 §3.2.4), and everything after it is the
/// same in all messages. Echoes are inflated and compared byte by byte.
pub(crate) struct Compressed {
    /// The message without its key.
    text: Vec<u8>,
    /// The payload of its frame without the key.
    payload: Vec<u8>,
    /// Where the key belongs in the payload.
    key_offset: usize,
    inflater: Decompress,
    inflated: Vec<u8>,
    /// Bytes of the last echo's frame.
    echo: Option<usize>,
}

impl Compressed {
    /// Creates messages of `bytes` bytes.
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        let stored = BEFORE_KEY.len() + DIGITS;
        ensure!(bytes > stored, "a message of {bytes} bytes is too short for its key");
        let begin = format!("{BEFORE_KEY}{:DIGITS$}", "");
        let text = begin + "\",\"messages\":" + &chat::text(bytes);
        let text = text.into_bytes()[..bytes].to_vec();
        let length = u16::try_from(stored)?;
        let mut payload = vec![0];
        payload.extend_from_slice(&length.to_le_bytes());
        payload.extend_from_slice(&(!length).to_le_bytes());
        let key_offset = payload.len() + BEFORE_KEY.len();
        payload.extend_from_slice(&text[..stored]);
        let mut encoder = DeflateEncoder::new(payload, Compression::default());
        encoder.write_all(&text[stored..])?;
        encoder.flush()?;
        // A flush ends on a byte boundary. Finishing the encoder would append the last block.
        let mut payload = encoder.get_ref().clone();
        ensure!(payload.ends_with(&TAIL), "the encoder did not end a flush with an empty block");
        payload.truncate(payload.len() - TAIL.len());
        let inflated = Vec::with_capacity(bytes + 1);
        let inflater = Decompress::new(false);
        Ok(Self { text, payload, key_offset, inflater, inflated, echo: None })
    }

    /// Returns whether the payload of an echo inflates to the message with this key.
    fn matches(&mut self, key: Key, payload: &[u8]) -> Result<bool> {
        let Self { text, inflater, inflated, .. } = self;
        inflater.reset(false);
        inflated.clear();
        let mut inflate = |bytes| inflater.decompress_vec(bytes, inflated, FlushDecompress::Sync);
        // Nothing may be appended after a last block (§7.2.3.4).
        if inflate(payload).context("an echo does not inflate")? != Status::StreamEnd {
            inflate(&TAIL).context("the end of an echo does not inflate")?;
        }
        let (before, behind) = (BEFORE_KEY.len(), BEFORE_KEY.len() + DIGITS);
        Ok(inflated.len() == text.len()
            && inflated[..before] == text[..before]
            && inflated[before..behind] == digits(key)
            && inflated[behind..] == text[behind..])
    }
}

impl Messages for Compressed {
    /// The bytes of the frame received so far.
    type Partial = Vec<u8>;

    const EXTENSION: Extension = Extension::Deflate;

    fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key {
        let key = keys.next_key();
        requests.extend_from_slice(&header(Kind::CompressedText, self.payload.len(), 0x80));
        requests.extend_from_slice(&key);
        let begin = requests.len();
        requests.extend_from_slice(&self.payload);
        requests[begin + self.key_offset..][..DIGITS].copy_from_slice(&digits(key));
        mask(&mut requests[begin..], key);
        key
    }

    fn consume(&mut self, key: Key, partial: &mut Vec<u8>, bytes: &[u8]) -> Result<Consumed> {
        let before = partial.len();
        partial.extend_from_slice(bytes);
        let Some((payload, end)) = payload(partial)? else {
            return Ok(Consumed::All);
        };
        if partial.len() < end {
            return Ok(Consumed::All);
        }
        ensure!(self.matches(key, &partial[payload..end])?, "an echo differs from the message");
        self.echo = Some(end);
        partial.clear();
        Ok(Consumed::Complete(end - before))
    }

    fn echo_bytes(&self) -> Option<usize> {
        self.echo
    }
}

/// Returns where the payload of a frame begins and ends, once its header is complete.
///
/// The frame must be a complete compressed text message, unmasked as a server sends it.
fn payload(frame: &[u8]) -> Result<Option<(usize, usize)>> {
    let [first, second, rest @ ..] = frame else {
        return Ok(None);
    };
    let is_compressed = *first == Kind::CompressedText as u8;
    ensure!(is_compressed, "an echo is not one compressed text frame: it begins with {first:#04x}");
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

    /// Returns the key of a new message, and the frame of a server that sends the payload back
    /// unchanged.
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
    fn echo_is_recognised_in_pieces_of_any_size() {
        for bytes in [100, 1024, 65_536, 1 << 20] {
            let mut messages = Compressed::new(bytes).unwrap();
            let (key, echo) = message(&messages);
            let mut partial = Vec::new();
            for (index, byte) in echo.iter().enumerate() {
                let consumed = messages.consume(key, &mut partial, &[*byte]).unwrap();
                let is_last = index + 1 == echo.len();
                assert_eq!(consumed, if is_last { Consumed::Complete(1) } else { Consumed::All });
            }
            assert_eq!(messages.echo_bytes(), Some(echo.len()));
        }
    }

    #[test]
    fn bytes_after_an_echo_are_not_consumed() {
        let mut messages = Compressed::new(1024).unwrap();
        let (key, echo) = message(&messages);
        let two = [&echo[..], b"more"].concat();
        let consumed = messages.consume(key, &mut Vec::new(), &two).unwrap();
        assert_eq!(consumed, Consumed::Complete(echo.len()));
    }

    /// Returns the text of the message with this key.
    fn text(messages: &Compressed, key: Key) -> Vec<u8> {
        let mut text = messages.text.clone();
        text[BEFORE_KEY.len()..][..DIGITS].copy_from_slice(&digits(key));
        text
    }

    /// Returns the frame of a server that compresses the text itself and ends it with a last block.
    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        let mut payload = encoder.finish().unwrap();
        payload.push(0);
        frame(&payload)
    }

    #[test]
    fn echo_may_be_compressed_differently() {
        let mut messages = Compressed::new(1024).unwrap();
        let (key, sent) = message(&messages);
        let echo = compressed(&text(&messages, key));
        assert_ne!(echo, sent);
        let consumed = messages.consume(key, &mut Vec::new(), &echo).unwrap();
        assert_eq!(consumed, Consumed::Complete(echo.len()));
    }

    #[test]
    fn every_wrong_byte_is_detected() {
        let mut messages = Compressed::new(300).unwrap();
        let (key, echo) = message(&messages);
        let text = text(&messages, key);
        for wrong in 0..text.len() {
            let mut text = text.clone();
            text[wrong] ^= 1;
            assert!(messages.consume(key, &mut Vec::new(), &compressed(&text)).is_err(), "{wrong}");
        }
        for length in [0, 1, text.len() - 1] {
            let short = compressed(&text[..length]);
            assert!(messages.consume(key, &mut Vec::new(), &short).is_err(), "{length}");
        }
        let long = compressed(&[&text[..], b"!"].concat());
        assert!(messages.consume(key, &mut Vec::new(), &long).is_err());
        let (other, _) = message(&messages);
        assert!(messages.consume(other, &mut Vec::new(), &echo).is_err());
    }

    #[test]
    fn echo_must_be_compressed() {
        let mut messages = Compressed::new(1024).unwrap();
        let (key, _) = message(&messages);
        let text = text(&messages, key);
        let echo = [&header(Kind::Text, text.len(), 0)[..], &text].concat();
        assert!(messages.consume(key, &mut Vec::new(), &echo).is_err());
    }

    #[test]
    fn message_compresses_to_about_a_quarter() {
        let messages = Compressed::new(65_536).unwrap();
        assert!(messages.text.starts_with(b"{\"id\":\"        \",\"messages\":[{\"from\":\""));
        let share = messages.payload.len() as f64 / messages.text.len() as f64;
        assert!((0.2..0.3).contains(&share), "{share}");
    }
}
