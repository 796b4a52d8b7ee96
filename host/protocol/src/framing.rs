//! The three ways to frame messages: as a server, as a client, and as a server of draft 00.

use std::num::NonZeroUsize;

use crate::draft00;
use crate::error::SendError;
use crate::frame::{Fin, Header, Opcode};
use crate::mask::MaskKey;

/// A function that creates a new masking key for each frame of a client. The keys must be unpredictable (RFC 6455
/// §10.3), so they must come from a cryptographic random number generator.
pub type MaskKeys = Box<dyn FnMut() -> [u8; 4] + Send>;

/// The framing of one endpoint and protocol version.
pub(crate) enum Framing {
    Server,
    Client(MaskKeys),
    Draft00,
}

impl Framing {
    /// Returns the length in bytes of a message, including the headers of its frames.
    pub(crate) fn message_length(
        &self,
        opcode: Opcode,
        length: usize,
        frame_size: Option<NonZeroUsize>,
    ) -> Result<usize, SendError> {
        match frame_size {
            Some(frame_size) if !matches!(self, Self::Draft00) => {
                let overhead = self.overhead(opcode, length.min(frame_size.get()))?;
                let frames = length.div_ceil(frame_size.get()).max(1);
                Ok(frames.saturating_mul(overhead).saturating_add(length))
            }
            _ => Ok(self.overhead(opcode, length)? + length),
        }
    }

    /// Returns how many bytes a frame adds to a payload of this length.
    pub(crate) fn overhead(&self, opcode: Opcode, length: usize) -> Result<usize, SendError> {
        let mask = match (self, opcode) {
            (Self::Draft00, Opcode::Text) => return Ok(draft00::TEXT_OVERHEAD),
            (Self::Draft00, _) => return Err(SendError::Unsupported),
            (Self::Server, _) => None,
            (Self::Client(_), _) => Some(MaskKey::new([0; 4])),
        };
        let header = Header { fin: Fin::Last, reserved: 0, opcode, mask, length: length as u64 };
        Ok(header.encoded_length())
    }
}
