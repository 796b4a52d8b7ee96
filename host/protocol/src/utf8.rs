//! UTF-8 that is checked as it arrives (RFC 6455 §8.1), in pieces cut anywhere.

use crate::spare;

/// Octets that cannot be the beginning of valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidUtf8;

/// Text that grows by octets. An octet that no valid text could hold there is found at once, not
/// only at the end.
#[derive(Debug, Default)]
pub(crate) struct GrowingText {
    valid: String,
    /// The beginning of a character whose rest has not come yet.
    cut: [u8; 4],
    cut_length: usize,
}

impl GrowingText {
    pub(crate) fn push(&mut self, mut octets: &[u8]) -> Result<(), InvalidUtf8> {
        while self.cut_length > 0 {
            let Some((first, rest)) = octets.split_first() else {
                return Ok(());
            };
            octets = rest;
            self.push_to_cut(*first)?;
        }
        match simdutf8::compat::from_utf8(octets) {
            Ok(text) => self.valid.push_str(text),
            Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
            Err(error) => {
                let (whole, cut) = octets.split_at(error.valid_up_to());
                self.valid.push_str(simdutf8::basic::from_utf8(whole).map_err(|_| InvalidUtf8)?);
                self.cut[..cut.len()].copy_from_slice(cut);
                self.cut_length = cut.len();
            }
        }
        Ok(())
    }

    fn push_to_cut(&mut self, octet: u8) -> Result<(), InvalidUtf8> {
        self.cut[self.cut_length] = octet;
        self.cut_length += 1;
        match std::str::from_utf8(&self.cut[..self.cut_length]) {
            Ok(character) => {
                self.valid.push_str(character);
                self.cut_length = 0;
                Ok(())
            }
            // At four octets a sequence is either a character or an error: `cut` cannot overflow.
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => Err(InvalidUtf8),
        }
    }

    /// Makes room for as many octets more as `room` tells of what is there.
    pub(crate) fn make_room(&mut self, room: impl FnOnce(&String) -> usize) {
        let room = room(&self.valid);
        match spare::take_longer(self.valid.len(), room).map(String::from_utf8) {
            Some(Ok(mut long)) => {
                long.push_str(&self.valid);
                spare::recycle(std::mem::replace(&mut self.valid, long).into_bytes());
            }
            // What is lent is empty, and so always text.
            Some(Err(_)) | None => self.valid.reserve_exact(room),
        }
    }

    /// All but a character whose rest has not come yet.
    pub(crate) fn valid(&self) -> &[u8] {
        self.valid.as_bytes()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.valid.capacity()
    }

    pub(crate) fn octets(&self) -> usize {
        self.valid.len() + self.cut_length
    }

    pub(crate) fn finish(self) -> Result<String, InvalidUtf8> {
        if self.cut_length == 0 { Ok(self.valid) } else { Err(InvalidUtf8) }
    }
}
