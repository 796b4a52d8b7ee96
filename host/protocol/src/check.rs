//! Which frames are legal, apart from how they are read: pure functions over a header and a state.

use crate::Role;
use crate::error::ProtocolError;
use crate::frame::{Fin, Header, MAX_CONTROL_PAYLOAD, Opcode, RSV1};
use crate::limits::Limits;

/// How much of a fragmented message there is already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// As they came.
    pub(crate) octets: usize,
    pub(crate) fragments: u32,
    pub(crate) encoding: Encoding,
}

/// How the payload of a message is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    /// RFC 7692 §7.2.
    Deflated,
}

impl Encoding {
    /// The encoding that the first frame of a message tells (RFC 7692 §6).
    pub(crate) fn of(header: &Header) -> Self {
        if header.reserved & RSV1 == 0 { Self::Plain } else { Self::Deflated }
    }
}

/// Every rule on a header, given the message that it would continue and the reserved bits to which an
/// extension gives a meaning.
pub(crate) fn header(
    header: &Header,
    role: Role,
    message: Option<Unfinished>,
    limits: &Limits,
    extended: u8,
) -> Result<(), ProtocolError> {
    // §5.2: fail on a bit whose meaning no extension defines. RFC 7692 §6 defines RSV1 on the first
    // frame of a message alone.
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

/// §5.5: all control frames carry 125 octets or less and are not fragmented.
fn control(header: &Header) -> Result<(), ProtocolError> {
    if header.fin == Fin::More {
        return Err(ProtocolError::FragmentedControl);
    }
    if header.length > MAX_CONTROL_PAYLOAD as u64 {
        return Err(ProtocolError::ControlTooLong(header.length));
    }
    Ok(())
}

/// §5.4: the fragments of one message come without another message between them.
fn data(
    header: &Header,
    message: Option<Unfinished>,
    limits: &Limits,
) -> Result<(), ProtocolError> {
    let so_far = match (header.opcode, message) {
        (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
        (Opcode::Continuation, Some(unfinished)) => unfinished,
        (_, Some(_)) => return Err(ProtocolError::ExpectedContinuation),
        (_, None) => Unfinished { octets: 0, fragments: 0, encoding: Encoding::of(header) },
    };
    if so_far.fragments >= limits.max_fragments {
        return Err(ProtocolError::TooManyFragments { limit: limits.max_fragments });
    }
    // The announced length is checked before anything is reserved for it (§10.4).
    let longest = match so_far.encoding {
        Encoding::Plain => limits.max_message,
        Encoding::Deflated => limits.max_deflated(),
    };
    let room = longest - so_far.octets;
    if header.length > room as u64 {
        return Err(ProtocolError::MessageTooLong { limit: limits.max_message });
    }
    Ok(())
}
