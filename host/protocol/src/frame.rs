//! The header of a frame (RFC 6455 §5.2).

use crate::error::ProtocolError;
use crate::mask::MaskKey;

/// The maximum length of a header, in bytes: two bytes, a 64-bit length, a masking key.
pub const MAX_HEADER: usize = 2 + 8 + 4;

/// The maximum length of a control frame's payload, in bytes (§5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The first of the reserved bits. RFC 7692 §6: "Per-Message Compressed".
pub(crate) const RSV1: u8 = 0b100;

const FIN: u8 = 0x80;
const RESERVED_BITS: u8 = 0x70;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// The type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn decode(bits: u8) -> Result<Self, ProtocolError> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            reserved => Err(ProtocolError::ReservedOpcode(reserved)),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Whether a frame is the last of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fin {
    Last,
    More,
}

/// Returns whether a frame with this first byte is a whole text or binary message.
pub(crate) fn begins_whole_message(first: u8) -> bool {
    matches!(first & !RESERVED_BITS, 0x81 | 0x82)
}

/// Returns whether the input holds at most one frame, complete or not, with a one-byte length field. This test is
/// cheap.
#[inline]
pub(crate) fn is_single_short_frame(bytes: &[u8]) -> bool {
    let Some(second) = bytes.get(1) else { return true };
    let (mask, length) = (usize::from(second & MASKED) / 32, usize::from(second & !MASKED));
    length < usize::from(LENGTH_16) && bytes.len() <= 2 + mask + length
}

/// Returns the length of the header at the front of the input. The header is not validated. Returns `None` if the input
/// is too short to tell.
pub(crate) fn header_length(bytes: &[u8]) -> Option<usize> {
    let second = bytes.get(1)?;
    let length = match second & !MASKED {
        LENGTH_16 => 2,
        LENGTH_64 => 8,
        _ => 0,
    };
    Some(2 + length + if second & MASKED == 0 { 0 } else { 4 })
}

/// Returns the payload length that a complete header declares. The header is not validated.
pub(crate) fn payload_length(header: &[u8]) -> u64 {
    match header {
        [_, second, high, low, ..] if second & !MASKED == LENGTH_16 => {
            u64::from(u16::from_be_bytes([*high, *low]))
        }
        [_, second, rest @ ..] if second & !MASKED == LENGTH_64 => {
            rest.first_chunk().map_or(0, |length| u64::from_be_bytes(*length))
        }
        [_, second, ..] => u64::from(second & !MASKED),
        _ => 0,
    }
}

/// A frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) fin: Fin,
    /// RSV1–RSV3 as a three-bit number.
    pub(crate) reserved: u8,
    pub(crate) opcode: Opcode,
    pub(crate) mask: Option<MaskKey>,
    pub(crate) length: u64,
}

impl Header {
    /// Decodes the header at the front of `bytes`. Returns the header and its length, or `None` if the header is
    /// incomplete.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let opcode = Opcode::decode(first & 0x0f)?;
        let (length, rest) = match second & !MASKED {
            LENGTH_16 => {
                let Some((length, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            LENGTH_64 => {
                let Some((length, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*length), rest)
            }
            short => (u64::from(short), rest),
        };
        let (mask, rest) = if second & MASKED == 0 {
            (None, rest)
        } else {
            let Some((key, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            (Some(MaskKey::new(*key)), rest)
        };
        // §5.2: "the minimal number of bytes MUST be used to encode the length".
        match second & !MASKED {
            LENGTH_16 if length < 126 => return Err(ProtocolError::LengthNotMinimal),
            LENGTH_64 if length >> 63 != 0 => return Err(ProtocolError::LengthOverflow),
            LENGTH_64 if length <= 0xffff => return Err(ProtocolError::LengthNotMinimal),
            _ => {}
        }
        let header = Self {
            fin: if first & FIN == 0 { Fin::More } else { Fin::Last },
            reserved: (first & RESERVED_BITS) >> 4,
            opcode,
            mask,
            length,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Returns the number of bytes that [`encode`](Self::encode) appends.
    pub(crate) fn encoded_length(&self) -> usize {
        let length = match self.length {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        2 + length + if self.mask.is_some() { 4 } else { 0 }
    }

    /// Appends the header to `to`.
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        let fin = if self.fin == Fin::Last { FIN } else { 0 };
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        to.push(fin | (self.reserved << 4) | self.opcode.bits());
        match self.length {
            short @ 0..=125 => to.push(masked | short as u8),
            medium @ 126..=0xffff => {
                to.push(masked | LENGTH_16);
                to.extend_from_slice(&(medium as u16).to_be_bytes());
            }
            long => {
                to.push(masked | LENGTH_64);
                to.extend_from_slice(&long.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            to.extend_from_slice(&key.to_bytes());
        }
    }
}
