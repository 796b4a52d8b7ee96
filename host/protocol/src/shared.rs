//! Messages for many peers.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::buffer_pool;
use crate::deflate::{Level, WindowBits, deflate_alone};
use crate::form::Form;
use crate::frame::{Fin, Header, Opcode, RSV1};
use crate::queue::SHARE_FROM;

/// A message that is framed once and sent to many peers ([`Outbound::send_shared`](crate::Outbound::send_shared)).
#[derive(Clone, Debug)]
pub struct SharedMessage {
    pub(crate) opcode: Opcode,
    /// The frame that a server sends without compression.
    pub(crate) frame: Bytes,
    header_length: usize,
    pub(crate) form: Form,
    /// Storage for the compressed frames. It is allocated for the first peer with compression.
    deflated: OnceLock<Box<Deflated>>,
    /// A value that lives as long as any frame of the message. `None` if the message is too short to be shared.
    attachment: Option<Arc<Attachment>>,
}

type Attachment = OnceLock<Box<dyn Any + Send + Sync>>;

/// The memory of a shared frame, together with the attachment of its message.
struct FrameMemory {
    frame: Vec<u8>,
    _attachment: Arc<Attachment>,
}

impl AsRef<[u8]> for FrameMemory {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

/// The compressed frames by window size. Each is created when it is first used. `None` if compression does not make the
/// message shorter.
type Deflated = [OnceLock<Option<Bytes>>; WINDOWS];

/// The number of window sizes.
const WINDOWS: usize = (WindowBits::MAX.bits() - WindowBits::MIN.bits()) as usize + 1;

impl SharedMessage {
    /// Creates a text message.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// Creates a binary message.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> Self {
        Self::new(Opcode::Binary, bytes)
    }

    /// Sets the compression and fragmentation of the message.
    #[must_use]
    pub fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let (frame, header_length) = frame(opcode, 0, payload);
        let attachment = (frame.len() >= SHARE_FROM).then(Arc::default);
        let frame = into_bytes(frame, attachment.as_ref());
        let (form, deflated) = (Form::default(), OnceLock::new());
        Self { opcode, frame, header_length, form, deflated, attachment }
    }

    /// Attaches a value to the message, unless the message already has an attachment. `make` receives the length of the
    /// frame in bytes. The attachment is dropped after the message has been written to the last peer. With an
    /// attachment, the memory of the message can be counted exactly once, even if many connections share the message.
    /// Short messages have no attachment, because each peer has its own copy.
    pub fn attach<T: Send + Sync + 'static>(&self, make: impl FnOnce(usize) -> T) {
        if let Some(attachment) = &self.attachment {
            attachment.get_or_init(|| Box::new(make(self.frame.len())));
        }
    }

    /// Returns the length in bytes, header included, of the frame that a server sends without compression.
    #[must_use]
    pub fn frame_length(&self) -> usize {
        self.frame.len()
    }

    /// Returns the length of the payload in bytes.
    #[must_use]
    pub fn payload_length(&self) -> usize {
        self.frame.len() - self.header_length
    }

    /// Returns the payload, which shares the memory of the frame.
    #[must_use]
    pub fn to_payload(&self) -> Bytes {
        self.frame.slice(self.header_length..)
    }

    /// Returns whether the message is text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.opcode == Opcode::Text
    }

    /// Returns the compression and fragmentation of the message.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.frame[self.header_length..]
    }

    /// Returns the compressed frame, or `None` if compression does not make the message shorter. For each window size,
    /// the level of the first call applies to all later calls.
    pub(crate) fn deflated(&self, level: Level, window: WindowBits) -> Option<&Bytes> {
        let index = usize::from(window.bits() - WindowBits::MIN.bits());
        self.deflated.get_or_init(Box::default)[index]
            .get_or_init(|| {
                let deflated = deflate_alone(self.payload(), level, window)?;
                let (frame, _) = frame(self.opcode, RSV1, &deflated);
                buffer_pool::put_back(deflated);
                Some(into_bytes(frame, self.attachment.as_ref()))
            })
            .as_ref()
    }
}

/// Returns a frame as a server sends it, and the length of its header.
fn frame(opcode: Opcode, reserved: u8, payload: &[u8]) -> (Vec<u8>, usize) {
    let length = payload.len() as u64;
    let header = Header { fin: Fin::Last, reserved, opcode, mask: None, length };
    let mut frame = Vec::with_capacity(header.encoded_length() + payload.len());
    header.encode(&mut frame);
    frame.extend_from_slice(payload);
    (frame, header.encoded_length())
}

fn into_bytes(frame: Vec<u8>, attachment: Option<&Arc<Attachment>>) -> Bytes {
    match attachment {
        Some(attachment) => {
            Bytes::from_owner(FrameMemory { frame, _attachment: Arc::clone(attachment) })
        }
        None => frame.into(),
    }
}
