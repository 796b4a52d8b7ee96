//! The framing of draft-ietf-hybi-thewebsocketprotocol-00 (hixie-76), as a server takes part in it.
//!
//! A text is `00`, its UTF-8 and `FF`, which no UTF-8 holds. `FF 00` is the closing handshake. There
//! are neither masks nor fragments, pings nor close codes, and no binary messages: frames with the
//! high bit have a length in front, and no client ever sent one for an application.

use memchr::memchr;

use crate::check::Encoding;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::Opcode;
use crate::input::{lend, take};
use crate::message::Assembly;
use crate::replies::Replies;

const TEXT: u8 = 0x00;
const END: u8 = 0xff;

/// The first octet of the closing handshake; a length of zero follows.
const CLOSE: u8 = 0xff;

/// From here on a frame's type means that a length follows.
const WITH_LENGTH: u8 = 0x80;

/// The closing handshake (§5.3).
pub(crate) const CLOSING_HANDSHAKE: [u8; 2] = [CLOSE, 0];

/// How many octets [`encode_text`] appends to those of the text.
pub(crate) const TEXT_OVERHEAD: usize = 2;

pub(crate) fn encode_text(text: &[u8], to: &mut Vec<u8>) {
    to.reserve(text.len() + TEXT_OVERHEAD);
    to.push(TEXT);
    to.extend_from_slice(text);
    to.push(END);
}

/// Reads frames. What the next octet is:
#[derive(Debug)]
pub(crate) enum Reader {
    /// The type of a frame.
    Type,
    /// Part of a text, or the end of it. What came before is kept if anything did.
    Text(Option<Box<Assembly>>, Length),
    /// Part of a frame that is read to its end and ignored.
    Ignored(Length),
    /// What must follow the first octet of the closing handshake.
    CloseLength,
}

/// How many octets of a frame have been read: no frame announces it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Length(usize);

/// What lies in the input of a frame that ends with `FF`.
enum Part<'a> {
    /// All that is left of it. The end is taken from the input too.
    Last(&'a [u8]),
    More(&'a [u8]),
    /// All that may come, and then still not the end.
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
    /// How much memory the message has that is being received.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Text(Some(text), _) => text.capacity(),
            _ => 0,
        }
    }

    /// Takes octets from the front of the input, up to and including the next event at most.
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
                // §5.3: the closing handshake of the client is answered with the server's.
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
            return lend(Opcode::Text, whole).map(Some);
        }
        let text =
            begun.get_or_insert_with(|| Box::new(Assembly::new(Opcode::Text, Encoding::Plain)));
        if replies.is_closing() {
            text.forget();
        }
        match part {
            Part::More(part) => text.push(part).map(|()| None),
            // What is wrong in the octets that may come is told first, however they are cut.
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
