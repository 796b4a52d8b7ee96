//! What lies in the input: taken from it, or lent.

use std::borrow::Cow;

use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::Opcode;

/// A message that lies whole in the input.
pub(crate) fn lend(opcode: Opcode, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    if opcode == Opcode::Binary {
        return Ok(Event::Binary(Cow::Borrowed(payload)));
    }
    let text = simdutf8::basic::from_utf8(payload).map_err(|_| ProtocolError::InvalidUtf8)?;
    Ok(Event::Text(Cow::Borrowed(text)))
}

/// The first `length` octets of the input, or all of it when it is shorter.
pub(crate) fn take<'a>(input: &mut &'a mut [u8], length: usize) -> &'a mut [u8] {
    let length = length.min(input.len());
    let (taken, rest) = std::mem::take(input).split_at_mut(length);
    *input = rest;
    taken
}
