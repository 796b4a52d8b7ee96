//! Tracks the frames of a stream without reading their payload.

/// The size of the longest frame header, in bytes: one with an eight-byte payload length and a mask (RFC 6455 §5.2).
const MAX_HEADER: usize = 14;

/// The position in the frames of a stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; MAX_HEADER],
    /// How many bytes of the current header have been seen.
    seen: usize,
    /// How many bytes of the current payload are missing.
    missing: u64,
    has_close: bool,
}

impl Frames {
    /// Advances over the next bytes of the stream.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.missing > 0 {
                let count = self.missing.min(bytes.len() as u64);
                self.missing -= count;
                bytes = &bytes[count as usize..];
                continue;
            }
            self.header[self.seen] = first;
            self.seen += 1;
            bytes = rest;
            self.end_header();
        }
    }

    /// Returns whether a close frame can be added: no frame is incomplete, and there has been no close frame.
    pub(super) fn can_close(&self) -> bool {
        self.seen == 0 && self.missing == 0 && !self.has_close
    }

    fn end_header(&mut self) {
        if self.seen < 2 {
            return;
        }
        let (length, mask) = (self.header[1] & 0x7f, usize::from(self.header[1] >> 7) * 4);
        let size = match length {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.seen < 2 + size + mask {
            return;
        }
        let long = self.header[2..2 + size].iter();
        let long = long.fold(0, |length, &byte| length << 8 | u64::from(byte));
        self.missing = if size == 0 { u64::from(length) } else { long };
        self.has_close |= self.header[0] & 0x0f == 0x8;
        self.seen = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_where_their_lengths_say_however_they_are_cut() {
        let long = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
        let longer = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[0x88; 65536]].concat();
        let frames: [&[u8]; 5] =
            [&[0x81, 0], &[0x81, 2, 0x88, 0], &long, &longer, &[0x89, 0x81, 1, 2, 3, 4, 5]];
        for step in [1, 2, 3, 5, 70_000] {
            let mut followed = Frames::default();
            for frame in frames {
                assert!(followed.can_close());
                let (last, before) = frame.split_last().expect("a frame");
                for part in before.chunks(step) {
                    followed.follow(part);
                    assert!(!followed.can_close());
                }
                followed.follow(&[*last]);
            }
            assert!(followed.can_close());
            followed.follow(&[0x88, 0]);
            assert!(!followed.can_close(), "a second close frame");
        }
    }
}
