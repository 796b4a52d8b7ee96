//! Messages that go to many.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::deflate::{Level, WindowBits, deflate_alone};
use crate::form::Form;
use crate::frame::{Fin, Header, Opcode, RSV1};
use crate::spare;

/// A message that is framed once and sent to many
/// ([`Outbound::send_shared`](crate::Outbound::send_shared)).
#[derive(Clone, Debug)]
pub struct SharedMessage {
    pub(crate) opcode: Opcode,
    /// As a server sends it.
    pub(crate) frame: Bytes,
    header_length: usize,
    pub(crate) form: Form,
    /// The same compressed, from when the first peer wants it so.
    deflated: OnceLock<Box<Deflated>>,
}

/// Frames by window, each made when it is first wanted; `None` if that is no gain.
type Deflated = [OnceLock<Option<Bytes>>; WINDOWS];

/// How many windows there are.
const WINDOWS: usize = (WindowBits::MAX.bits() - WindowBits::MIN.bits()) as usize + 1;

impl SharedMessage {
    /// A text message.
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// A binary message.
    pub fn binary(octets: &[u8]) -> Self {
        Self::new(Opcode::Binary, octets)
    }

    /// Chooses whether it is compressed, and how it is cut.
    #[must_use]
    pub fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let (frame, header_length) = frame(opcode, 0, payload);
        Self { opcode, frame, header_length, form: Form::default(), deflated: OnceLock::new() }
    }

    /// Octets of the frame, with its header, as a server sends it without compression.
    pub fn frame_length(&self) -> usize {
        self.frame.len()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.frame[self.header_length..]
    }

    /// The compressed frame, unless it is no shorter. Of several levels the first one that is asked for
    /// serves all.
    pub(crate) fn deflated(&self, level: Level, window: WindowBits) -> Option<&Bytes> {
        let place = usize::from(window.bits() - WindowBits::MIN.bits());
        self.deflated.get_or_init(Box::default)[place]
            .get_or_init(|| {
                let deflated = deflate_alone(self.payload(), level, window)?;
                let (frame, _) = frame(self.opcode, RSV1, &deflated);
                spare::put_back(deflated);
                Some(frame)
            })
            .as_ref()
    }
}

/// The frame of a server, and the length of its header.
fn frame(opcode: Opcode, reserved: u8, payload: &[u8]) -> (Bytes, usize) {
    let length = payload.len() as u64;
    let header = Header { fin: Fin::Last, reserved, opcode, mask: None, length };
    let mut frame = Vec::with_capacity(header.encoded_length() + payload.len());
    header.encode(&mut frame);
    frame.extend_from_slice(payload);
    (frame.into(), header.encoded_length())
}
