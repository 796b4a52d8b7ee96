//! Messages that go to many.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::deflate::{Level, WindowBits, deflate_alone};
use crate::form::Form;
use crate::frame::{Fin, Header, Opcode, RSV1};
use crate::queue::SHARE_FROM;
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
    /// Lives as long as a frame of it does. `None`: it is so short that nobody shares it.
    companion: Option<Arc<Companion>>,
}

type Companion = OnceLock<Box<dyn Any + Send + Sync>>;

/// The memory of a frame that is shared.
struct Kept {
    octets: Vec<u8>,
    _companion: Arc<Companion>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

/// Frames by window, each made when it is first wanted; `None` if that is no gain.
type Deflated = [OnceLock<Option<Bytes>>; WINDOWS];

/// How many windows there are.
const WINDOWS: usize = (WindowBits::MAX.bits() - WindowBits::MIN.bits()) as usize + 1;

impl SharedMessage {
    /// A text message.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// A binary message.
    #[must_use]
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
        let companion = (frame.len() >= SHARE_FROM).then(Arc::default);
        let frame = kept(frame, companion.as_ref());
        let (form, deflated) = (Form::default(), OnceLock::new());
        Self { opcode, frame, header_length, form, deflated, companion }
    }

    /// Makes a companion of the octets that it holds, unless it has one already. It is dropped when the last peer
    /// has been sent the message: so what many hold is counted once. Short messages have none, each peer has
    /// a copy.
    pub fn accompany<T: Send + Sync + 'static>(&self, make: impl FnOnce(usize) -> T) {
        if let Some(companion) = &self.companion {
            companion.get_or_init(|| Box::new(make(self.frame.len())));
        }
    }

    /// Octets of the frame, with its header, as a server sends it without compression.
    #[must_use]
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
                Some(kept(frame, self.companion.as_ref()))
            })
            .as_ref()
    }
}

/// The frame of a server, and the length of its header.
fn frame(opcode: Opcode, reserved: u8, payload: &[u8]) -> (Vec<u8>, usize) {
    let length = payload.len() as u64;
    let header = Header { fin: Fin::Last, reserved, opcode, mask: None, length };
    let mut frame = Vec::with_capacity(header.encoded_length() + payload.len());
    header.encode(&mut frame);
    frame.extend_from_slice(payload);
    (frame, header.encoded_length())
}

fn kept(octets: Vec<u8>, companion: Option<&Arc<Companion>>) -> Bytes {
    match companion {
        Some(companion) => Bytes::from_owner(Kept { octets, _companion: Arc::clone(companion) }),
        None => octets.into(),
    }
}
