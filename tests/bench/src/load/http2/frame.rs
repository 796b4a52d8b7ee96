//! HTTP/2 frames (RFC 9113 §4, §6), limited to those that WebSockets need (RFC 8441).

use anyhow::{Result, ensure};

/// Bytes of a frame's header.
const HEADER: usize = 9;

/// The beginning of a connection (RFC 9113 §3.4), before its SETTINGS frame.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of the longest payload that every endpoint must accept.
pub(super) const MAX_PAYLOAD: usize = 1 << 14;

/// Flags, whose meaning depends on the kind of the frame.
pub(super) const END_STREAM: u8 = 0x1;
/// The same bit as `END_STREAM`, in SETTINGS and PING.
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data = 0x0,
    Headers = 0x1,
    Reset = 0x3,
    Settings = 0x4,
    Ping = 0x6,
    GoAway = 0x7,
    WindowUpdate = 0x8,
}

/// A received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// The kind, or `None` if it may be ignored.
    pub(super) kind: Option<Kind>,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// The payload, including padding.
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a frame off the front of the received bytes, if it is complete.
    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let (header, behind) = bytes.split_at_checked(HEADER)?;
        let length =
            usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let (payload, rest) = behind.split_at_checked(length)?;
        let stream = u32::from_be_bytes([header[5] & 0x7f, header[6], header[7], header[8]]);
        let kind = match header[3] {
            0x0 => Some(Kind::Data),
            0x1 => Some(Kind::Headers),
            0x3 => Some(Kind::Reset),
            0x4 => Some(Kind::Settings),
            0x6 => Some(Kind::Ping),
            0x7 => Some(Kind::GoAway),
            0x8 => Some(Kind::WindowUpdate),
            _ => None,
        };
        *bytes = rest;
        Some(Self { kind, flags: header[4], stream, payload })
    }

    /// Returns the content of a DATA or HEADERS frame, without padding and priority (RFC 9113 §6.1,
    /// §6.2).
    pub(super) fn content(&self) -> Result<&'a [u8]> {
        let mut content = self.payload;
        if self.flags & PADDED != 0 {
            let padded = content.split_first();
            let inner = padded.and_then(|(length, rest)| {
                rest.len().checked_sub(usize::from(*length)).map(|end| &rest[..end])
            });
            ensure!(inner.is_some(), "a frame has more padding than payload");
            content = inner.unwrap_or_default();
        }
        if self.kind == Some(Kind::Headers) && self.flags & PRIORITY != 0 {
            ensure!(content.len() >= 5, "a HEADERS frame ends within its priority");
            content = &content[5..];
        }
        Ok(content)
    }

    /// Returns the increment of a WINDOW_UPDATE frame.
    pub(super) fn increment(&self) -> Result<i64> {
        let bytes = <[u8; 4]>::try_from(self.payload)?;
        Ok(i64::from(u32::from_be_bytes(bytes) & 0x7fff_ffff))
    }

    /// Returns the identifiers and values of a SETTINGS frame.
    pub(super) fn settings(&self) -> impl Iterator<Item = (u16, u32)> {
        let (settings, _) = self.payload.as_chunks::<6>();
        settings.iter().map(|[a, b, c, d, e, f]| {
            (u16::from_be_bytes([*a, *b]), u32::from_be_bytes([*c, *d, *e, *f]))
        })
    }
}

/// Appends the header of a frame. A payload of `length` bytes must follow.
pub(super) fn write_header(kind: Kind, flags: u8, stream: u32, length: usize, bytes: &mut Vec<u8>) {
    let [_, a, b, c] = (length as u32).to_be_bytes();
    bytes.extend_from_slice(&[a, b, c, kind as u8, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
}

/// Appends a complete frame.
pub(super) fn write(kind: Kind, flags: u8, stream: u32, payload: &[u8], bytes: &mut Vec<u8>) {
    write_header(kind, flags, stream, payload.len(), bytes);
    bytes.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_is_taken_when_it_is_complete() {
        let mut bytes = Vec::new();
        write(Kind::Data, END_STREAM, 7, b"hello", &mut bytes);
        for cut in 0..bytes.len() {
            let mut part = &bytes[..cut];
            assert_eq!(Frame::take(&mut part), None);
            assert_eq!(part.len(), cut);
        }
        bytes.push(1);
        let mut bytes = &*bytes;
        let frame = Frame::take(&mut bytes).unwrap();
        assert_eq!((frame.kind, frame.flags, frame.stream), (Some(Kind::Data), END_STREAM, 7));
        assert_eq!((frame.content().unwrap(), bytes), (&b"hello"[..], &[1][..]));
    }

    #[test]
    fn padding_and_priority_are_not_content() {
        let padded = [&[2][..], b"hello", &[0, 0]].concat();
        let data =
            Frame { kind: Some(Kind::Data), flags: PADDED | PRIORITY, stream: 1, payload: &padded };
        assert_eq!(data.content().unwrap(), b"hello");
        let priority = [&[2, 0, 0, 0, 0, 16][..], b"hello", &[0, 0]].concat();
        let headers = Frame { kind: Some(Kind::Headers), payload: &priority, ..data };
        assert_eq!(headers.content().unwrap(), b"hello");
        for payload in [&[][..], &[1]] {
            assert!(Frame { payload, ..data }.content().is_err());
        }
        assert!(Frame { payload: &[0, 1], ..headers }.content().is_err());
    }
}
