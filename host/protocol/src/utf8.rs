//! Incremental validation of UTF-8 (RFC 6455 §8.1) that arrives in arbitrary pieces.

use crate::buffer_pool;

/// The error for bytes that cannot be the beginning of valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidUtf8;

/// Text that grows piece by piece. An invalid byte is found as soon as it arrives, not only at the end.
#[derive(Debug, Default)]
pub(crate) struct GrowingText {
    valid: String,
    /// The first bytes of a character that is still incomplete.
    cut: [u8; 4],
    cut_length: usize,
}

impl GrowingText {
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), InvalidUtf8> {
        while self.cut_length > 0 {
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(());
            };
            bytes = rest;
            self.push_to_cut(*first)?;
        }
        match simdutf8::compat::from_utf8(bytes) {
            Ok(text) => self.valid.push_str(text),
            Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
            Err(error) => {
                let (whole, cut) = bytes.split_at(error.valid_up_to());
                self.valid.push_str(simdutf8::basic::from_utf8(whole).map_err(|_| InvalidUtf8)?);
                self.cut[..cut.len()].copy_from_slice(cut);
                self.cut_length = cut.len();
            }
        }
        Ok(())
    }

    fn push_to_cut(&mut self, byte: u8) -> Result<(), InvalidUtf8> {
        self.cut[self.cut_length] = byte;
        self.cut_length += 1;
        match std::str::from_utf8(&self.cut[..self.cut_length]) {
            Ok(character) => {
                self.valid.push_str(character);
                self.cut_length = 0;
                Ok(())
            }
            // This cannot overflow `cut`: a sequence of four bytes is either a character or an error.
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => Err(InvalidUtf8),
        }
    }

    /// Reserves more bytes. `additional` computes their number from the text.
    pub(crate) fn reserve(&mut self, additional: impl FnOnce(&String) -> usize) {
        let additional = additional(&self.valid);
        match buffer_pool::take_long_for(self.valid.len(), additional).map(String::from_utf8) {
            Some(Ok(mut long)) => {
                long.push_str(&self.valid);
                buffer_pool::recycle(std::mem::replace(&mut self.valid, long).into_bytes());
            }
            // A pooled buffer can be used for text, because it is empty and therefore valid UTF-8.
            Some(Err(_)) | None => self.valid.reserve_exact(additional),
        }
    }

    /// Returns the text without an incomplete character at its end.
    pub(crate) fn valid(&self) -> &[u8] {
        self.valid.as_bytes()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.valid.capacity()
    }

    /// Returns the number of bytes received, including an incomplete character.
    pub(crate) fn length(&self) -> usize {
        self.valid.len() + self.cut_length
    }

    pub(crate) fn finish(self) -> Result<String, InvalidUtf8> {
        if self.cut_length == 0 { Ok(self.valid) } else { Err(InvalidUtf8) }
    }
}
