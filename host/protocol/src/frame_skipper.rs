//! Skips the bytes that the peer sends after the connection has failed, up to the peer's close frame.

use crate::frame::{MAX_HEADER, header_length, payload_length};

/// The opcode of a close frame (RFC 6455 §5.2).
const CLOSE: u8 = 0x8;

/// Skips frames of any kind by the lengths in their headers, until the peer's close frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameSkipper {
    partial: [u8; MAX_HEADER],
    length: usize,
    /// Payload bytes left to skip before the next header.
    payload: u64,
    has_seen_close: bool,
}

impl FrameSkipper {
    /// Starts inside a header, after its first `length` bytes.
    pub(crate) fn in_header(partial: [u8; MAX_HEADER], length: usize) -> Self {
        Self { partial, length, payload: 0, has_seen_close: false }
    }

    /// Starts inside a payload of which `missing` bytes are still to come.
    pub(crate) fn in_payload(missing: u64) -> Self {
        Self { payload: missing, ..Self::in_header([0; MAX_HEADER], 0) }
    }

    /// Starts after the peer's close frame. This is also the right start if that frame can no longer be found.
    pub(crate) fn after_close() -> Self {
        Self { has_seen_close: true, ..Self::in_header([0; MAX_HEADER], 0) }
    }

    /// Returns whether the peer's close frame has arrived.
    pub(crate) fn has_seen_close(&self) -> bool {
        self.has_seen_close
    }

    /// Skips all of `input`.
    pub(crate) fn skip(&mut self, mut input: &[u8]) {
        while !self.has_seen_close && !input.is_empty() {
            if self.payload > 0 {
                let skipped = input.len().min(usize::try_from(self.payload).unwrap_or(usize::MAX));
                self.payload -= skipped as u64;
                input = &input[skipped..];
                continue;
            }
            self.partial[self.length] = input[0];
            self.length += 1;
            input = &input[1..];
            let header = &self.partial[..self.length];
            if header_length(header).is_some_and(|length| length == header.len()) {
                self.has_seen_close = header[0] & 0x0f == CLOSE;
                self.payload = payload_length(header);
                self.length = 0;
            }
        }
    }
}
