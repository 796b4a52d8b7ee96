//! What goes to the peer: messages and control frames in, octets out.

use std::fmt;
use std::num::NonZeroUsize;

use bytes::Buf;

use crate::close::CloseFrame;
use crate::close_code::CloseCode;
use crate::deflate::{ContextTakeover, Deflater, PerMessageDeflate};
use crate::draft00;
use crate::error::SendError;
use crate::form::{Compression, Form};
use crate::frame::{Fin, Header, MAX_CONTROL_PAYLOAD, Opcode, RSV1};
use crate::framing::{Framing, MaskKeys};
use crate::mask::MaskKey;
use crate::queue::Queue;
use crate::shared::SharedMessage;
use crate::spare;

/// The sending machine of a connection: a bounded buffer of octets that wait to be written.
///
/// Read it as a [`Buf`]: write [`chunk`](Buf::chunk) (or
/// [`chunks_vectored`](Buf::chunks_vectored)) and [`advance`](Buf::advance) by what was taken.
///
/// Messages and pings are held against the limit. Answers to the peer, pongs and close frames, are
/// not: the caller bounds them by not reading from a peer that does not read.
///
/// A message is held against the limit with its length before compression. What is queued is never
/// longer than that, and a message that is refused has not touched the compressor.
pub struct Outbound {
    framing: Framing,
    limit: usize,
    queue: Queue,
    state: State,
    deflate: Option<Box<Deflater>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// A close frame with this code, or without one, is the last frame that was queued.
    Closing(Option<CloseCode>),
}

impl Outbound {
    /// The sending machine of a server: frames are not masked. `limit` is in octets.
    pub fn server(limit: usize) -> Self {
        Self::new(limit, Framing::Server)
    }

    /// The sending machine of a client: every frame is masked with its own key.
    pub fn client(limit: usize, mask_keys: MaskKeys) -> Self {
        Self::new(limit, Framing::Client(mask_keys))
    }

    /// The sending machine of a server whose client speaks
    /// [draft 00](crate::handshake::Version::Draft00): text alone, each in one frame. It goes with
    /// [`Inbound::draft00`](crate::Inbound::draft00).
    pub fn draft00(limit: usize) -> Self {
        Self::new(limit, Framing::Draft00)
    }

    fn new(limit: usize, framing: Framing) -> Self {
        Self { framing, limit, queue: Queue::default(), state: State::Open, deflate: None }
    }

    /// Compresses messages from now on, as was agreed with the peer.
    ///
    /// [Draft 00](Self::draft00) has no extensions: nothing changes there.
    pub fn use_deflate(&mut self, agreed: &PerMessageDeflate) {
        if !matches!(self.framing, Framing::Draft00) {
            self.deflate = Deflater::new(agreed).map(Box::new);
        }
    }

    /// Queues a text message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.send_text_with(text, Form::default())
    }

    /// Queues a binary message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_binary(&mut self, octets: &[u8]) -> Result<(), SendError> {
        self.send_binary_with(octets, Form::default())
    }

    /// Queues a text message in frames of at most `frame_size` octets of payload (§5.4). The cuts
    /// may fall inside a character.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_text_in_frames(
        &mut self,
        text: &str,
        frame_size: NonZeroUsize,
    ) -> Result<(), SendError> {
        self.send_text_with(text, Form { frame_size: Some(frame_size), ..Form::default() })
    }

    /// Queues a binary message in frames of at most `frame_size` octets of payload (§5.4).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_binary_in_frames(
        &mut self,
        octets: &[u8],
        frame_size: NonZeroUsize,
    ) -> Result<(), SendError> {
        self.send_binary_with(octets, Form { frame_size: Some(frame_size), ..Form::default() })
    }

    /// Queues a text message as the form says.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_text_with(&mut self, text: &str, form: Form) -> Result<(), SendError> {
        self.send(Opcode::Text, text.as_bytes(), form)
    }

    /// Queues a binary message as the form says.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_binary_with(&mut self, octets: &[u8], form: Form) -> Result<(), SendError> {
        self.send(Opcode::Binary, octets, form)
    }

    /// Queues a message that was framed once for many peers. A long one is shared, not copied.
    ///
    /// It is compressed once, too, for all peers without context takeover and with the same window.
    /// With context takeover each connection has a context of its own, and compresses it for itself.
    /// One that is to go out in fragments is framed and compressed for each.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_shared(&mut self, message: &SharedMessage) -> Result<(), SendError> {
        let Form { compression, frame_size } = message.form;
        if !matches!(self.framing, Framing::Server) || frame_size.is_some() {
            // A client's frames differ by their keys, draft 00 has others: only the payload is common.
            return self.send(message.opcode, message.payload(), message.form);
        }
        self.admit(message.frame.len())?;
        match &self.deflate {
            Some(deflater) if deflater.applies(message.payload().len(), compression) => {
                if deflater.direction.context == ContextTakeover::On {
                    self.push_message(message.opcode, message.payload(), message.form);
                } else {
                    let deflated = message.deflated(deflater.level, deflater.direction.window);
                    self.queue.share(deflated.unwrap_or(&message.frame));
                }
            }
            _ => self.queue.share(&message.frame),
        }
        Ok(())
    }

    /// Queues a ping (§5.5.2).
    ///
    /// # Errors
    ///
    /// [`SendError`], with [`TooLong`](SendError::TooLong) for more than 125 octets.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Ping, payload)
    }

    /// Queues an unsolicited pong, a heartbeat that wants no answer (§5.5.3).
    ///
    /// # Errors
    ///
    /// [`SendError`], with [`TooLong`](SendError::TooLong) for more than 125 octets.
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload)
    }

    /// Begins the closing handshake (§7.1.2): queues a close frame behind all that was sent. In
    /// draft 00 that has neither code nor reason.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if that was done before.
    pub fn close(&mut self, frame: Option<&CloseFrame>) -> Result<(), SendError> {
        if self.is_closing() {
            return Err(SendError::Closed);
        }
        if matches!(self.framing, Framing::Draft00) {
            self.queue.append(&draft00::CLOSING_HANDSHAKE);
            self.state = State::Closing(None);
        } else {
            let payload = frame.map(CloseFrame::encode).unwrap_or_default();
            self.push(Opcode::Close, 0, Fin::Last, &payload);
            self.state = State::Closing(frame.map(CloseFrame::code));
        }
        Ok(())
    }

    /// Whether a close frame was queued: nothing can be sent any more.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.state != State::Open
    }

    /// The code of the close frame that was queued, if one was and it had a code.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        match self.state {
            State::Open => None,
            State::Closing(code) => code,
        }
    }

    /// Gives memory back that what waits does not need. Worth a call when the peer takes nothing more
    /// for now, and when a connection idles.
    pub fn release_memory(&mut self) {
        self.queue.release_memory();
    }

    /// With context takeover, drops the compressor: the next message refers to none before it, and is
    /// longer. Worth a call when a connection idles; not when its peer takes nothing more for a moment,
    /// which then would get still more octets.
    pub fn release_context(&mut self) {
        if let Some(deflater) = &mut self.deflate {
            deflater.release_context();
        }
    }

    /// Drops everything that waits to be written: the peer is gone.
    pub fn discard(&mut self) {
        self.queue = Queue::default();
    }

    /// How many octets it holds at most: a longer message can never be sent.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Octets that wait and that no other holds too: those of a long [`SharedMessage`] are left out, which
    /// [`SharedMessage::accompany`] lets be counted once.
    #[must_use]
    pub fn own(&self) -> usize {
        self.queue.own()
    }

    /// How much memory it has, used or not.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    pub(crate) fn answer_ping(&mut self, payload: &[u8]) {
        if !self.is_closing() {
            self.push(Opcode::Pong, 0, Fin::Last, payload);
        }
    }

    fn send(&mut self, opcode: Opcode, payload: &[u8], form: Form) -> Result<(), SendError> {
        self.admit(self.framing.message_length(opcode, payload.len(), form.frame_size)?)?;
        self.push_message(opcode, payload, form);
        Ok(())
    }

    fn send_control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        // What draft 00 does not have is told first: a shorter payload would not help.
        self.framing.overhead(opcode, payload.len())?;
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendError::TooLong);
        }
        self.admit(self.framing.message_length(opcode, payload.len(), None)?)?;
        self.push(opcode, 0, Fin::Last, payload);
        Ok(())
    }

    fn admit(&self, length: usize) -> Result<(), SendError> {
        if self.is_closing() {
            return Err(SendError::Closed);
        }
        if length > self.limit {
            return Err(SendError::TooLong);
        }
        if self.queue.remaining() + length > self.limit {
            return Err(SendError::Full);
        }
        Ok(())
    }

    /// Queues a message that there is room for.
    fn push_message(&mut self, opcode: Opcode, payload: &[u8], form: Form) {
        match self.deflate(payload, form.compression) {
            Some(deflated) => {
                self.push_frames(opcode, RSV1, &deflated, form.frame_size);
                spare::put_back(deflated);
            }
            None => self.push_frames(opcode, 0, payload, form.frame_size),
        }
    }

    /// The compressed payload, unless it is to be sent as it is.
    fn deflate(&mut self, payload: &[u8], compression: Compression) -> Option<Vec<u8>> {
        let deflater = self.deflate.as_mut()?;
        if deflater.applies(payload.len(), compression) { deflater.deflate(payload) } else { None }
    }

    /// RFC 7692 §6.1: of the fragments the first one alone has the reserved bits.
    fn push_frames(
        &mut self,
        mut opcode: Opcode,
        mut reserved: u8,
        payload: &[u8],
        frame_size: Option<NonZeroUsize>,
    ) {
        let mut rest = payload;
        if let Some(frame_size) = frame_size
            && !matches!(self.framing, Framing::Draft00)
        {
            while rest.len() > frame_size.get() {
                let (fragment, after) = rest.split_at(frame_size.get());
                self.push(opcode, reserved, Fin::More, fragment);
                (opcode, reserved, rest) = (Opcode::Continuation, 0, after);
            }
        }
        self.push(opcode, reserved, Fin::Last, rest);
    }

    fn push(&mut self, opcode: Opcode, reserved: u8, fin: Fin, payload: &[u8]) {
        let mask = match &mut self.framing {
            Framing::Draft00 => {
                let length = payload.len() + draft00::TEXT_OVERHEAD;
                return self.queue.append_with(length, |tail| draft00::encode_text(payload, tail));
            }
            Framing::Server => None,
            Framing::Client(next_key) => Some(MaskKey::new(next_key())),
        };
        let mut header = Header { fin, reserved, opcode, mask, length: payload.len() as u64 };
        self.queue.append_with(header.encoded_length() + payload.len(), |tail| {
            header.encode(tail);
            let start = tail.len();
            tail.extend_from_slice(payload);
            if let Some(key) = &mut header.mask {
                key.apply(&mut tail[start..]);
            }
        });
    }
}

impl Buf for Outbound {
    fn remaining(&self) -> usize {
        self.queue.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.queue.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        self.queue.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.queue.advance(count);
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("queued", &self.queue.remaining())
            .field("limit", &self.limit)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
