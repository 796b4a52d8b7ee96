//! A message that did not come in one piece: of several frames, or of a frame in several reads.

use std::borrow::Cow;

use crate::check::{Encoding, Unfinished};
use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::Opcode;
use crate::spare;
use crate::utf8::GrowingText;

/// The payload so far, in one flat buffer that grows with what arrives, never with what is announced.
#[derive(Debug)]
pub(crate) struct Assembly {
    payload: Payload,
    fragments: u32,
    encoding: Encoding,
    /// How much of a compressed message has come.
    deflated: usize,
}

#[derive(Debug)]
enum Payload {
    Text(GrowingText),
    Binary(Vec<u8>),
    /// The message is read to its end but nobody wants it any more: we are closing.
    Unwanted,
}

impl Assembly {
    /// The message that a first frame with this opcode begins.
    pub(crate) fn new(opcode: Opcode, encoding: Encoding) -> Self {
        let payload = match opcode {
            Opcode::Text => Payload::Text(GrowingText::default()),
            _ => Payload::Binary(Vec::new()),
        };
        Self { payload, fragments: 0, encoding, deflated: 0 }
    }

    pub(crate) fn unfinished(&self) -> Unfinished {
        let octets = match self.encoding {
            Encoding::Plain => self.length(),
            Encoding::Deflated => self.deflated,
        };
        Unfinished { octets, fragments: self.fragments, encoding: self.encoding }
    }

    /// Whether what comes of it must be inflated.
    pub(crate) fn is_deflated(&self) -> bool {
        self.encoding == Encoding::Deflated && !matches!(self.payload, Payload::Unwanted)
    }

    /// Counts octets of a compressed message as they come.
    pub(crate) fn count_deflated(&mut self, octets: usize) {
        self.deflated += octets;
    }

    /// The payload so far, less a cut character at its end.
    pub(crate) fn octets(&self) -> &[u8] {
        match &self.payload {
            Payload::Text(text) => text.valid(),
            Payload::Binary(octets) => octets,
            Payload::Unwanted => &[],
        }
    }

    /// How much memory it has.
    pub(crate) fn capacity(&self) -> usize {
        match &self.payload {
            Payload::Text(text) => text.capacity(),
            Payload::Binary(octets) => octets.capacity(),
            Payload::Unwanted => 0,
        }
    }

    fn length(&self) -> usize {
        match &self.payload {
            Payload::Text(text) => text.octets(),
            Payload::Binary(octets) => octets.len(),
            Payload::Unwanted => 0,
        }
    }

    /// Counts a frame, an empty one too.
    pub(crate) fn begin_fragment(&mut self) {
        self.fragments += 1;
    }

    pub(crate) fn forget(&mut self) {
        self.payload = Payload::Unwanted;
    }

    /// Makes room for a part that came, and for some of what was announced behind it.
    pub(crate) fn make_room(&mut self, came: usize, to_come: usize) {
        match &mut self.payload {
            Payload::Text(text) => {
                text.make_room(|text| room(text.len(), text.capacity(), came, to_come));
            }
            Payload::Binary(octets) => {
                grow(octets, room(octets.len(), octets.capacity(), came, to_come));
            }
            Payload::Unwanted => {}
        }
    }

    pub(crate) fn push(&mut self, unmasked: &[u8]) -> Result<(), ProtocolError> {
        match &mut self.payload {
            Payload::Text(text) => text.push(unmasked).map_err(|_| ProtocolError::InvalidUtf8)?,
            Payload::Binary(octets) => octets.extend_from_slice(unmasked),
            Payload::Unwanted => {}
        }
        Ok(())
    }

    /// Appends what nobody announced, up to a limit on the whole message. No more memory is reserved than
    /// that.
    pub(crate) fn push_within(&mut self, octets: &[u8], limit: usize) -> Result<(), ProtocolError> {
        if octets.len() > limit - self.length() {
            return Err(ProtocolError::MessageTooLong { limit });
        }
        let come = octets.len();
        match &mut self.payload {
            Payload::Text(text) => {
                text.make_room(|text| room_within(limit, text.len(), text.capacity(), come));
            }
            Payload::Binary(binary) => {
                grow(binary, room_within(limit, binary.len(), binary.capacity(), come));
            }
            Payload::Unwanted => {}
        }
        self.push(octets)
    }

    /// The whole message, unless it is unwanted.
    pub(crate) fn finish(self) -> Result<Option<Event<'static>>, ProtocolError> {
        match self.payload {
            Payload::Text(text) => {
                let text = text.finish().map_err(|_| ProtocolError::InvalidUtf8)?;
                Ok(Some(Event::Text(Cow::Owned(text))))
            }
            Payload::Binary(octets) => Ok(Some(Event::Binary(Cow::Owned(octets)))),
            Payload::Unwanted => Ok(None),
        }
    }
}

/// Makes room for so many octets behind those that are there: in a long buffer of the thread, once they are
/// many, and one is spare.
fn grow(octets: &mut Vec<u8>, room: usize) {
    match spare::take_longer(octets.len(), room) {
        Some(mut long) => {
            long.extend_from_slice(octets);
            spare::recycle(std::mem::replace(octets, long));
        }
        None => octets.reserve_exact(room),
    }
}

/// How much room to make, beyond what the buffer would make by itself: also for what was announced, but
/// never for more than is there when the part has been appended.
fn room(there: usize, capacity: usize, came: usize, to_come: usize) -> usize {
    let announced = came + to_come.min(there + came);
    // Many small parts must not each move all that is there: it grows by half at least, or as usual.
    if capacity - there >= came || announced < there / 2 { 0 } else { announced }
}

/// How much room to make for a part that was not announced: as much as there is already, within the
/// limit.
fn room_within(limit: usize, there: usize, capacity: usize, come: usize) -> usize {
    if capacity - there >= come { 0 } else { come.max(there.min(limit.saturating_sub(there))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_for_what_came_and_at_most_as_much_again() {
        assert_eq!(room(0, 0, 100, 0), 100);
        assert_eq!(room(0, 0, 100, 1 << 40), 200, "never for what is only announced");
        assert_eq!(room(200, 200, 100, 1000), 400);
        assert_eq!(room(200, 200, 100, 50), 150, "the last part: exactly");
        assert_eq!(room(200, 300, 100, 50), 0, "there is room");
        assert_eq!(room(1000, 1000, 1, 1), 0, "a small part: as usual");
    }

    #[test]
    fn room_for_what_was_not_announced_doubles_up_to_the_limit() {
        assert_eq!(room_within(1000, 0, 0, 100), 100);
        assert_eq!(room_within(1000, 300, 300, 100), 300);
        assert_eq!(room_within(1000, 300, 400, 100), 0, "there is room");
        assert_eq!(room_within(1000, 600, 600, 100), 400);
    }

    #[test]
    fn long_message_is_received_into_memory_that_the_thread_keeps() {
        const PART: usize = 2 << 20;
        for opcode in [Opcode::Binary, Opcode::Text] {
            let kept = Vec::with_capacity(4 * PART);
            let pages = kept.as_ptr();
            spare::recycle(kept);
            let mut message = Assembly::new(opcode, Encoding::Plain);
            for _ in 0..2 {
                message.make_room(PART, PART);
                message.push(&[b'x'; PART]).expect("text");
            }
            let octets = match message.finish() {
                Ok(Some(Event::Binary(octets))) => octets.into_owned(),
                Ok(Some(Event::Text(text))) => text.into_owned().into_bytes(),
                other => panic!("{other:?}"),
            };
            assert!(octets == [b'x'; 2 * PART]);
            assert_eq!(octets.as_ptr(), pages, "{opcode:?}");
            spare::release_memory();
        }
    }
}
