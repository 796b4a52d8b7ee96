//! A message that did not come in one piece: of several frames, or of a frame in several reads.

use std::borrow::Cow;

use crate::check::Unfinished;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::Opcode;
use crate::utf8::GrowingText;

/// The payload so far, in one flat buffer that grows with what arrives, never with what is announced.
#[derive(Debug)]
pub(crate) struct Assembly {
    payload: Payload,
    fragments: u32,
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
    pub(crate) fn new(opcode: Opcode) -> Self {
        let payload = match opcode {
            Opcode::Text => Payload::Text(GrowingText::default()),
            _ => Payload::Binary(Vec::new()),
        };
        Self { payload, fragments: 0 }
    }

    pub(crate) fn unfinished(&self) -> Unfinished {
        let octets = match &self.payload {
            Payload::Text(text) => text.octets(),
            Payload::Binary(octets) => octets.len(),
            Payload::Unwanted => 0,
        };
        Unfinished { octets, fragments: self.fragments }
    }

    /// Counts a frame, an empty one too.
    pub(crate) fn begin_fragment(&mut self) {
        self.fragments += 1;
    }

    pub(crate) fn forget(&mut self) {
        self.payload = Payload::Unwanted;
    }

    pub(crate) fn push(&mut self, unmasked: &[u8]) -> Result<(), ProtocolError> {
        match &mut self.payload {
            Payload::Text(text) => text.push(unmasked).map_err(|_| ProtocolError::InvalidUtf8)?,
            Payload::Binary(octets) => octets.extend_from_slice(unmasked),
            Payload::Unwanted => {}
        }
        Ok(())
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
