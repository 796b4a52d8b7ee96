//! The framing of draft-ietf-hybi-thewebsocketprotocol-00 (hixie-76), server side.
//!
//! A text message is the byte `00`, the text in UTF-8, and the byte `FF`, which does not occur in UTF-8. `FF 00` is the
//! closing handshake. There are no masks, fragments, pings, close codes or binary messages. Frame types with the high
//! bit set are followed by a length, but no client ever let an application send such a frame.

use memchr::memchr;

use crate::check::Encoding;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::Opcode;
use crate::input::{borrow_message, take};
use crate::message::Assembly;
use crate::replies::Replies;

const TEXT: u8 = 0x00;
const END: u8 = 0xff;

/// The first byte of the closing handshake. A length of zero follows.
const CLOSE: u8 = 0xff;

/// The lowest frame type that is followed by a length.
const WITH_LENGTH: u8 = 0x80;

/// The closing handshake (§5.3).
pub(crate) const CLOSING_HANDSHAKE: [u8; 2] = [CLOSE, 0];

/// How many bytes [`encode_text`] appends besides the text.
pub(crate) const TEXT_OVERHEAD: usize = 2;

pub(crate) fn encode_text(text: &[u8], to: &mut Vec<u8>) {
    to.reserve(text.len() + TEXT_OVERHEAD);
    to.push(TEXT);
    to.extend_from_slice(text);
    to.push(END);
}

/// The receiving state machine of this framing. Each state says what the next byte belongs to.
#[derive(Debug)]
pub(crate) enum Reader {
    /// The type of a frame.
    Type,
    /// A text message, or the rest of one. The [`Assembly`] holds the part that has already been received, if any.
    Text(Option<Box<Assembly>>, Length),
    /// A frame that is read to its end and ignored.
    Ignored(Length),
    /// The second byte of the closing handshake.
    CloseLength,
}

/// How many bytes of a frame have been read. No header declares the total.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Length(usize);

/// The part of a frame that the input contains. The frame ends with `FF`.
enum Part<'a> {
    /// The rest of the frame. The `FF` after it has also been taken from the input.
    Last(&'a [u8]),
    /// A part of the frame, without the end of the frame.
    More(&'a [u8]),
    /// The part up to the limit. The frame continues after it.
    TooLong(&'a [u8]),
}

impl Length {
    fn take<'a>(&mut self, input: &mut &'a mut [u8], limit: usize) -> Part<'a> {
        let room = limit - self.0;
        let window = input.len().min(room.saturating_add(1));
        let end = memchr(END, &input[..window]);
        let part: &[u8] = take(input, end.unwrap_or(window.min(room)));
        self.0 += part.len();
        match end {
            Some(_) => {
                take(input, 1);
                Part::Last(part)
            }
            None if window > room => Part::TooLong(part),
            None => Part::More(part),
        }
    }
}

impl Reader {
    /// Returns how much memory the unfinished message occupies, in bytes.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Text(Some(text), _) => text.capacity(),
            _ => 0,
        }
    }

    /// Takes bytes from the front of the input, but none beyond the end of the next event.
    pub(crate) fn step<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        limit: usize,
        replies: &mut impl Replies,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        match self {
            Self::Type => self.begin_frame(input)?,
            Self::Text(..) => return self.continue_text(input, limit, replies),
            Self::Ignored(length) => match length.take(input, limit) {
                Part::Last(_) => *self = Self::Type,
                Part::More(_) => {}
                Part::TooLong(_) => return Err(ProtocolError::MessageTooLong { limit }),
            },
            Self::CloseLength => match take(input, 1) {
                // §5.3: the server answers the closing handshake of the client with its own.
                [0] => {
                    replies.close(None);
                    return Ok(Some(Event::Closed(None)));
                }
                _ => return Err(ProtocolError::DraftFrameType(CLOSE)),
            },
        }
        Ok(None)
    }

    fn begin_frame(&mut self, input: &mut &mut [u8]) -> Result<(), ProtocolError> {
        *self = match take(input, 1) {
            [TEXT] => Self::Text(None, Length::default()),
            [CLOSE] => Self::CloseLength,
            [kind] if *kind >= WITH_LENGTH => return Err(ProtocolError::DraftFrameType(*kind)),
            _ => Self::Ignored(Length::default()),
        };
        Ok(())
    }

    fn continue_text<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        limit: usize,
        replies: &impl Replies,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let Self::Text(begun, length) = self else { return Ok(None) };
        let part = length.take(input, limit);
        if let (Part::Last(whole), None, false) = (&part, &begun, replies.is_closing()) {
            *self = Self::Type;
            return borrow_message(Opcode::Text, whole).map(Some);
        }
        let text =
            begun.get_or_insert_with(|| Box::new(Assembly::new(Opcode::Text, Encoding::Plain)));
        if replies.is_closing() {
            text.discard();
        }
        match part {
            Part::More(part) => text.push(part).map(|()| None),
            // If there is invalid UTF-8 within the limit, report that rather than the excess length, so that the result
            // does not depend on how the input is cut.
            Part::TooLong(part) => {
                text.push(part)?;
                Err(ProtocolError::MessageTooLong { limit })
            }
            Part::Last(part) => {
                text.push(part)?;
                match std::mem::replace(self, Self::Type) {
                    Self::Text(Some(text), _) => text.finish(),
                    _ => Ok(None),
                }
            }
        }
    }
}
