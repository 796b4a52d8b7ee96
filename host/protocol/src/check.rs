//! The rules for frame headers, as pure functions over a header and a state.

use crate::Role;
use crate::error::ProtocolError;
use crate::frame::{Fin, Header, MAX_CONTROL_PAYLOAD, Opcode, RSV1};
use crate::limits::Limits;

/// The received part of a fragmented message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Payload bytes as received, before any decompression.
    pub(crate) bytes: usize,
    pub(crate) fragments: u32,
    pub(crate) encoding: Encoding,
}

/// The encoding of a message's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    /// Compressed (RFC 7692 §7.2).
    Deflated,
}

impl Encoding {
    /// Returns the encoding that the header of a message's first frame declares (RFC 7692 §6).
    pub(crate) fn of(header: &Header) -> Self {
        if header.reserved & RSV1 == 0 { Self::Plain } else { Self::Deflated }
    }
}

/// Checks a header against all rules. `message` is the message that the frame would continue. `extended` contains the
/// reserved bits that an extension defines.
pub(crate) fn header(
    header: &Header,
    role: Role,
    message: Option<Unfinished>,
    limits: &Limits,
    extended: u8,
) -> Result<(), ProtocolError> {
    // §5.2: fail on a bit that no extension defines. RFC 7692 §6 defines RSV1 only on the first frame of a message.
    let is_first = matches!(header.opcode, Opcode::Text | Opcode::Binary);
    if header.reserved & !(if is_first { extended } else { 0 }) != 0 {
        return Err(ProtocolError::ReservedBits(header.reserved));
    }
    // §5.1: a server must fail on an unmasked frame, a client on a masked one.
    match (role, header.mask) {
        (Role::Server, None) => return Err(ProtocolError::UnmaskedFrame),
        (Role::Client, Some(_)) => return Err(ProtocolError::MaskedFrame),
        (Role::Server, Some(_)) | (Role::Client, None) => {}
    }
    if header.opcode.is_control() { control(header) } else { data(header, message, limits) }
}

/// Checks that a control frame carries 125 bytes or less and is not fragmented (§5.5).
fn control(header: &Header) -> Result<(), ProtocolError> {
    if header.fin == Fin::More {
        return Err(ProtocolError::FragmentedControl);
    }
    if header.length > MAX_CONTROL_PAYLOAD as u64 {
        return Err(ProtocolError::ControlTooLong(header.length));
    }
    Ok(())
}

/// Checks that no other message begins between the fragments of a message (§5.4), and checks the limits.
fn data(
    header: &Header,
    message: Option<Unfinished>,
    limits: &Limits,
) -> Result<(), ProtocolError> {
    let received = match (header.opcode, message) {
        (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
        (Opcode::Continuation, Some(unfinished)) => unfinished,
        (_, Some(_)) => return Err(ProtocolError::ExpectedContinuation),
        (_, None) => Unfinished { bytes: 0, fragments: 0, encoding: Encoding::of(header) },
    };
    if received.fragments >= limits.max_fragments {
        return Err(ProtocolError::TooManyFragments { limit: limits.max_fragments });
    }
    // The declared length is checked before memory is allocated for it (§10.4).
    let max_length = match received.encoding {
        Encoding::Plain => limits.max_message,
        Encoding::Deflated => limits.max_deflated(),
    };
    let remaining = max_length - received.bytes;
    if header.length > remaining as u64 {
        return Err(ProtocolError::MessageTooLong { limit: limits.max_message });
    }
    Ok(())
}
