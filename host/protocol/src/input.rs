//! Taking bytes from the input, and borrowing messages from it.

use std::borrow::Cow;

use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::Opcode;

/// Returns the event of a message whose whole payload is in the input, without copying it.
pub(crate) fn borrow_message(opcode: Opcode, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    if opcode == Opcode::Binary {
        return Ok(Event::Binary(Cow::Borrowed(payload)));
    }
    let text = simdutf8::basic::from_utf8(payload).map_err(|_| ProtocolError::InvalidUtf8)?;
    Ok(Event::Text(Cow::Borrowed(text)))
}

/// Takes the first `length` bytes of the input, or the whole input if it is shorter.
pub(crate) fn take<'a>(input: &mut &'a mut [u8], length: usize) -> &'a mut [u8] {
    let length = length.min(input.len());
    let (taken, rest) = std::mem::take(input).split_at_mut(length);
    *input = rest;
    taken
}
