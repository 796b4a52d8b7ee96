//! Reassembly of a message that arrives in several frames or several reads.

use std::borrow::Cow;

use crate::buffer_pool;
use crate::check::{Encoding, Unfinished};
use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::Opcode;
use crate::utf8::GrowingText;

/// A message that is being received, in one contiguous buffer. The buffer grows with the bytes that arrive. It never
/// grows just because a header declares a length.
#[derive(Debug)]
pub(crate) struct Assembly {
    payload: Payload,
    fragments: u32,
    encoding: Encoding,
    /// The number of received bytes, if the message is compressed.
    deflated: usize,
}

#[derive(Debug)]
enum Payload {
    Text(GrowingText),
    Binary(Vec<u8>),
    /// The message is read to its end but not kept, because this endpoint is closing.
    Discarded,
}

impl Assembly {
    /// Starts the message whose first frame has this opcode.
    pub(crate) fn new(opcode: Opcode, encoding: Encoding) -> Self {
        let payload = match opcode {
            Opcode::Text => Payload::Text(GrowingText::default()),
            _ => Payload::Binary(Vec::new()),
        };
        Self { payload, fragments: 0, encoding, deflated: 0 }
    }

    pub(crate) fn unfinished(&self) -> Unfinished {
        let bytes = match self.encoding {
            Encoding::Plain => self.length(),
            Encoding::Deflated => self.deflated,
        };
        Unfinished { bytes, fragments: self.fragments, encoding: self.encoding }
    }

    /// Returns whether the received bytes must be inflated.
    pub(crate) fn is_deflated(&self) -> bool {
        self.encoding == Encoding::Deflated && !matches!(self.payload, Payload::Discarded)
    }

    /// Counts received bytes of a compressed message.
    pub(crate) fn count_deflated(&mut self, received: usize) {
        self.deflated += received;
    }

    /// Returns the payload received so far, without an incomplete character at its end.
    pub(crate) fn payload(&self) -> &[u8] {
        match &self.payload {
            Payload::Text(text) => text.valid(),
            Payload::Binary(bytes) => bytes,
            Payload::Discarded => &[],
        }
    }

    /// Returns the allocated memory in bytes.
    pub(crate) fn capacity(&self) -> usize {
        match &self.payload {
            Payload::Text(text) => text.capacity(),
            Payload::Binary(bytes) => bytes.capacity(),
            Payload::Discarded => 0,
        }
    }

    fn length(&self) -> usize {
        match &self.payload {
            Payload::Text(text) => text.length(),
            Payload::Binary(bytes) => bytes.len(),
            Payload::Discarded => 0,
        }
    }

    /// Counts a frame, even an empty one.
    pub(crate) fn begin_fragment(&mut self) {
        self.fragments += 1;
    }

    /// Drops the payload received so far, and ignores the rest of the payload.
    pub(crate) fn discard(&mut self) {
        self.payload = Payload::Discarded;
    }

    /// Reserves memory for a frame part that is `received` bytes long, and for some of the frame's `remaining` bytes.
    pub(crate) fn reserve(&mut self, received: usize, remaining: usize) {
        match &mut self.payload {
            Payload::Text(text) => {
                text.reserve(|text| additional(text.len(), text.capacity(), received, remaining));
            }
            Payload::Binary(bytes) => {
                grow(bytes, additional(bytes.len(), bytes.capacity(), received, remaining));
            }
            Payload::Discarded => {}
        }
    }

    pub(crate) fn push(&mut self, unmasked: &[u8]) -> Result<(), ProtocolError> {
        match &mut self.payload {
            Payload::Text(text) => text.push(unmasked).map_err(|_| ProtocolError::InvalidUtf8)?,
            Payload::Binary(bytes) => bytes.extend_from_slice(unmasked),
            Payload::Discarded => {}
        }
        Ok(())
    }

    /// Appends bytes when no header gives their length in advance. The whole message may have at most `limit` bytes,
    /// and no memory beyond this limit is reserved.
    pub(crate) fn push_within(&mut self, bytes: &[u8], limit: usize) -> Result<(), ProtocolError> {
        if bytes.len() > limit - self.length() {
            return Err(ProtocolError::MessageTooLong { limit });
        }
        let received = bytes.len();
        match &mut self.payload {
            Payload::Text(text) => {
                text.reserve(|text| {
                    additional_within(limit, text.len(), text.capacity(), received)
                });
            }
            Payload::Binary(binary) => {
                grow(binary, additional_within(limit, binary.len(), binary.capacity(), received));
            }
            Payload::Discarded => {}
        }
        self.push(bytes)
    }

    /// Returns the event of the complete message, or `None` if it was discarded.
    pub(crate) fn finish(self) -> Result<Option<Event<'static>>, ProtocolError> {
        match self.payload {
            Payload::Text(text) => {
                let text = text.finish().map_err(|_| ProtocolError::InvalidUtf8)?;
                Ok(Some(Event::Text(Cow::Owned(text))))
            }
            Payload::Binary(bytes) => Ok(Some(Event::Binary(Cow::Owned(bytes)))),
            Payload::Discarded => Ok(None),
        }
    }
}

/// Reserves `additional` bytes. A long message moves to a long buffer of the thread's pool, if one is free.
fn grow(bytes: &mut Vec<u8>, additional: usize) {
    match buffer_pool::take_long_for(bytes.len(), additional) {
        Some(mut long) => {
            long.extend_from_slice(bytes);
            buffer_pool::recycle(std::mem::replace(bytes, long));
        }
        None => bytes.reserve_exact(additional),
    }
}

/// Returns how many bytes to reserve for a frame part that is `received` bytes long, and for the frame's `remaining`
/// bytes. Of `remaining`, at most `length + received` is counted, which is the message's length including this part.
/// Returns 0 to let the buffer grow on its own.
fn additional(length: usize, capacity: usize, received: usize, remaining: usize) -> usize {
    let declared = received + remaining.min(length + received);
    // If the frame adds less than half of the message's length, the buffer grows as a `Vec` does. With exact
    // reservations, each of many small frames would move the whole buffer.
    if capacity - length >= received || declared < length / 2 { 0 } else { declared }
}

/// Returns how many bytes to reserve for a part that is `received` bytes long, if the length of the message is unknown.
/// This doubles the buffer, within the limit.
fn additional_within(limit: usize, length: usize, capacity: usize, received: usize) -> usize {
    if capacity - length >= received {
        0
    } else {
        received.max(length.min(limit.saturating_sub(length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_reserved_for_the_received_part_and_at_most_as_much_again() {
        assert_eq!(additional(0, 0, 100, 0), 100);
        assert_eq!(additional(0, 0, 100, 1 << 40), 200, "not for a length that is only declared");
        assert_eq!(additional(200, 200, 100, 1000), 400);
        assert_eq!(additional(200, 200, 100, 50), 150, "the last part: exactly");
        assert_eq!(additional(200, 300, 100, 50), 0, "there is room");
        assert_eq!(additional(1000, 1000, 1, 1), 0, "a small part: growth is left to the buffer");
    }

    #[test]
    fn buffer_of_a_message_of_unknown_length_doubles_up_to_the_limit() {
        assert_eq!(additional_within(1000, 0, 0, 100), 100);
        assert_eq!(additional_within(1000, 300, 300, 100), 300);
        assert_eq!(additional_within(1000, 300, 400, 100), 0, "there is room");
        assert_eq!(additional_within(1000, 600, 600, 100), 400);
    }

    #[test]
    fn long_message_is_received_into_a_pooled_buffer() {
        const PART: usize = 2 << 20;
        for opcode in [Opcode::Binary, Opcode::Text] {
            let pooled = Vec::with_capacity(4 * PART);
            let address = pooled.as_ptr();
            buffer_pool::recycle(pooled);
            let mut message = Assembly::new(opcode, Encoding::Plain);
            for _ in 0..2 {
                message.reserve(PART, PART);
                message.push(&[b'x'; PART]).expect("text");
            }
            let bytes = match message.finish() {
                Ok(Some(Event::Binary(bytes))) => bytes.into_owned(),
                Ok(Some(Event::Text(text))) => text.into_owned().into_bytes(),
                other => panic!("{other:?}"),
            };
            assert!(bytes == [b'x'; 2 * PART]);
            assert_eq!(bytes.as_ptr(), address, "{opcode:?}");
            buffer_pool::release_memory();
        }
    }
}
