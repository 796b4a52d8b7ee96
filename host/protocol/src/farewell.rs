//! What the peer still sends when the connection has failed: everything up to its close frame is passed over.

use crate::frame::{MAX_HEADER, header_length, payload_length};

/// The close frame's opcode (RFC 6455 §5.2).
const CLOSE: u8 = 0x8;

/// Passes frames over, whatever they are, as far as their lengths can be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Farewell {
    partial: [u8; MAX_HEADER],
    length: usize,
    /// So much of a frame's payload is passed over first.
    payload: u64,
    is_closed: bool,
}

impl Farewell {
    /// In the middle of a header, of which so many bytes are here.
    pub(crate) fn in_header(partial: [u8; MAX_HEADER], length: usize) -> Self {
        Self { partial, length, payload: 0, is_closed: false }
    }

    /// In the middle of a payload, of which so much is missing.
    pub(crate) fn in_payload(missing: u64) -> Self {
        Self { payload: missing, ..Self::in_header([0; MAX_HEADER], 0) }
    }

    /// Behind the peer's close frame, or where it cannot be found.
    pub(crate) fn behind_close() -> Self {
        Self { is_closed: true, ..Self::in_header([0; MAX_HEADER], 0) }
    }

    /// Whether the peer's close frame has come.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Looks through all of the input.
    pub(crate) fn look(&mut self, mut input: &[u8]) {
        while !self.is_closed && !input.is_empty() {
            if self.payload > 0 {
                let passed = input.len().min(usize::try_from(self.payload).unwrap_or(usize::MAX));
                self.payload -= passed as u64;
                input = &input[passed..];
                continue;
            }
            self.partial[self.length] = input[0];
            self.length += 1;
            input = &input[1..];
            let header = &self.partial[..self.length];
            if header_length(header).is_some_and(|length| length == header.len()) {
                self.is_closed = header[0] & 0x0f == CLOSE;
                self.payload = payload_length(header);
                self.length = 0;
            }
        }
    }
}
