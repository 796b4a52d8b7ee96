//! The only header of a message: `Ws: <host>-<connection> <t|b><form>`, such as `Ws: 9f3b5c61d20a7e48-3 t0`.
//!
//! `<host>` is the sending host, and `<connection>` counts its connections to the broker. A message is late if a
//! message from a newer connection of the same host arrived first. `t` is text, `b` is binary. `<form>` says how the
//! message is sent to clients: a digit for the compression and, if long messages are fragmented, a dot and the size of
//! a fragment, as in `t2.4096`.
//!
//! A backend need not send the header. Without the header, a message is text if it is UTF-8, and binary otherwise. A
//! backend can also choose the type: it sends the header with `-` in place of the host and the connection.

use std::fmt;
use std::num::NonZeroUsize;

use ws_host_protocol::{Compression, Form, SharedMessage};

/// A connection of a host to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// The random number that identifies the host.
    pub(super) host: u64,
    /// The number of its connection, counted from 1.
    pub(super) connection: u32,
}

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// The sender. `None`: a backend.
    pub(super) sender: Option<Sender>,
    pub(super) is_text: bool,
    pub(super) form: Form,
}

/// The error for a message that cannot be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Envelope {
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let (sender, kind) = text.split_once(' ').ok_or(Malformed)?;
        let sender = match sender {
            "-" => None,
            sender => Some(Sender::parse(sender).ok_or(Malformed)?),
        };
        let (is_text, form) = match (kind.strip_prefix('t'), kind.strip_prefix('b')) {
            (Some(form), _) => (true, form),
            (_, Some(form)) => (false, form),
            _ => return Err(Malformed),
        };
        Ok(Self { sender, is_text, form: parse_form(form).ok_or(Malformed)? })
    }
}

impl Sender {
    fn parse(text: &str) -> Option<Self> {
        let (host, connection) = text.split_once('-')?;
        let host = u64::from_str_radix(host, 16).ok().filter(|_| host.len() == 16)?;
        Some(Self { host, connection: connection.parse().ok()? })
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sender {
            Some(Sender { host, connection }) => write!(f, "{host:016x}-{connection} ")?,
            None => f.write_str("- ")?,
        }
        f.write_str(if self.is_text { "t" } else { "b" })?;
        f.write_str(match self.form.compression {
            Compression::Always => "1",
            Compression::Never => "2",
            _ => "0",
        })?;
        match self.form.frame_size {
            Some(size) => write!(f, ".{size}"),
            None => Ok(()),
        }
    }
}

fn parse_form(text: &str) -> Option<Form> {
    let (compression, frame_size) = match text.split_once('.') {
        None => (text, None),
        Some((compression, size)) => (compression, Some(size.parse::<NonZeroUsize>().ok()?)),
    };
    let compression = match compression {
        "0" => Compression::ByLength,
        "1" => Compression::Always,
        "2" => Compression::Never,
        _ => return None,
    };
    Some(form(compression, frame_size))
}

fn form(compression: Compression, frame_size: Option<NonZeroUsize>) -> Form {
    let mut form = Form::default();
    form.compression = compression;
    form.frame_size = frame_size;
    form
}

/// Builds the message for clients from a received payload.
pub(super) fn frame(
    envelope: Option<Envelope>,
    payload: &[u8],
) -> Result<SharedMessage, Malformed> {
    let text = simdutf8::basic::from_utf8(payload);
    let message = match (envelope, text) {
        (None | Some(Envelope { is_text: true, .. }), Ok(text)) => SharedMessage::text(text),
        (None | Some(Envelope { is_text: false, .. }), _) => SharedMessage::binary(payload),
        (Some(Envelope { is_text: true, .. }), Err(_)) => return Err(Malformed),
    };
    Ok(message.with_form(envelope.map(|envelope| envelope.form).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_envelope_is_read_as_it_was_written() {
        let sender = Sender { host: 0x0f3b, connection: 3 };
        for compression in [Compression::ByLength, Compression::Always, Compression::Never] {
            for frame_size in [None, NonZeroUsize::new(4096)] {
                for sender in [None, Some(sender)] {
                    for is_text in [true, false] {
                        let form = form(compression, frame_size);
                        let envelope = Envelope { sender, is_text, form };
                        assert_eq!(Envelope::parse(&envelope.to_string()), Ok(envelope));
                    }
                }
            }
        }
        let envelope = Envelope { sender: Some(sender), is_text: true, form: Form::default() };
        assert_eq!(envelope.to_string(), "0000000000000f3b-3 t0");
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            " ",
            "-",
            "- ",
            "- t",
            "- x0",
            "- t3",
            "- t0.",
            "- t0.0",
            "- t0.x",
            "-  t0",
            "- t0 ",
            "9f3b-1 t0",
            "0000000000000f3b t0",
            "0000000000000f3b- t0",
            "0000000000000f3b--1 t0",
            "0000000000000f3b-4294967296 t0",
            "000000000000zf3b-1 t0",
            "- tt0",
            "- 00",
            "é é",
        ] {
            assert_eq!(Envelope::parse(text), Err(Malformed), "{text:?}");
        }
    }

    #[test]
    fn message_without_an_envelope_is_text_if_it_is_utf_8() {
        let is_text = |payload| frame(None, payload).map(|message| message.is_text());
        assert_eq!(is_text("grüße".as_bytes()), Ok(true));
        assert_eq!(is_text(b"\xff"), Ok(false));
        let said = |is_text, payload| {
            let envelope = Envelope { sender: None, is_text, form: Form::default() };
            frame(Some(envelope), payload).map(|message| message.is_text())
        };
        assert_eq!(said(false, b"text"), Ok(false));
        assert_eq!(said(true, b"text"), Ok(true));
        assert_eq!(said(true, b"\xff"), Err(Malformed));
    }
}
