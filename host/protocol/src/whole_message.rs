//! A message that is read from the input without being consumed.

use crate::frame::{Header, Opcode};

/// A whole, uncompressed message at the front of the input, as returned by [`Inbound::peek`](crate::Inbound::peek).
#[derive(Clone, Copy, Debug)]
pub struct WholeMessage<'a> {
    header: Header,
    payload: &'a [u8],
    length: usize,
}

impl<'a> WholeMessage<'a> {
    /// `payload` is the payload as received, and `length` the length of the frame.
    pub(crate) fn new(header: Header, payload: &'a [u8], length: usize) -> Self {
        Self { header, payload, length }
    }

    /// Returns whether the message is a text. Otherwise, it is binary.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.header.opcode == Opcode::Text
    }

    /// Returns the length of the message in bytes, including its header.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Appends the unmasked payload to `to`. The payload of a text has not been checked yet: it could be invalid UTF-8.
    pub fn append_to(&self, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend_from_slice(self.payload);
        if let Some(mut key) = self.header.mask {
            key.apply(&mut to[start..]);
        }
    }
}
