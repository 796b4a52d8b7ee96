//! The sending state machine: messages and control frames in, bytes out.

use std::fmt;
use std::num::NonZeroUsize;

use bytes::Buf;

use crate::buffer_pool;
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

/// The sending state machine of a connection: a bounded buffer of bytes to be written.
///
/// Read it as a [`Buf`]: write [`chunk`](Buf::chunk) (or [`chunks_vectored`](Buf::chunks_vectored)) to the peer, then
/// [`advance`](Buf::advance) by the number of bytes written.
///
/// Messages and pings count towards the limit. Answers to the peer (pongs and close frames) do not count. To limit
/// their number, the caller must stop reading from a peer that does not read.
///
/// The limit applies to the length of a message before compression, even if the compressed frames are shorter. A
/// refused message leaves the compressor unchanged.
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
    /// The last frame that was queued is a close frame. It has this code, or none.
    Closing(Option<CloseCode>),
}

impl Outbound {
    /// Creates the sending state machine of a server, which does not mask frames. `limit` is in bytes.
    pub fn server(limit: usize) -> Self {
        Self::new(limit, Framing::Server)
    }

    /// Creates the sending state machine of a client, which masks every frame with a new key. `limit` is in bytes.
    pub fn client(limit: usize, mask_keys: MaskKeys) -> Self {
        Self::new(limit, Framing::Client(mask_keys))
    }

    /// Creates the sending state machine of a server whose client speaks
    /// [draft 00](crate::handshake::Version::Draft00). It sends only text, each message in one frame. Use it together
    /// with [`Inbound::draft00`](crate::Inbound::draft00).
    pub fn draft00(limit: usize) -> Self {
        Self::new(limit, Framing::Draft00)
    }

    fn new(limit: usize, framing: Framing) -> Self {
        Self { framing, limit, queue: Queue::default(), state: State::Open, deflate: None }
    }

    /// Compresses messages from now on, as negotiated with the peer.
    ///
    /// Has no effect in [draft 00](Self::draft00), which has no extensions.
    pub fn use_deflate(&mut self, agreed: &PerMessageDeflate) {
        if !matches!(self.framing, Framing::Draft00) {
            self.deflate = Deflater::new(agreed).map(Box::new);
        }
    }

    /// Queues a text message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]. In that case, nothing was queued.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.send_text_with(text, Form::default())
    }

    /// Queues a binary message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]. In that case, nothing was queued.
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_binary_with(bytes, Form::default())
    }

    /// Queues a text message in frames of at most `frame_size` bytes of payload (§5.4). A frame may end inside a
    /// character.
    ///
    /// # Errors
    ///
    /// [`SendError`]. In that case, nothing was queued.
    pub fn send_text_in_frames(
        &mut self,
        text: &str,
        frame_size: NonZeroUsize,
    ) -> Result<(), SendError> {
        self.send_text_with(text, Form { frame_size: Some(frame_size), ..Form::default() })
    }

    /// Queues a binary message in frames of at most `frame_size` bytes of payload (§5.4).
    ///
    /// # Errors
    ///
    /// [`SendError`]. In that case, nothing was queued.
    pub fn send_binary_in_frames(
        &mut self,
        bytes: &[u8],
        frame_size: NonZeroUsize,
    ) -> Result<(), SendError> {
        self.send_binary_with(bytes, Form { frame_size: Some(frame_size), ..Form::default() })
    }

    /// Queues a text message, compressed and fragmented as `form` says.
    ///
    /// # Errors
    ///
    /// [`SendError`]. In that case, nothing was queued.
    pub fn send_text_with(&mut self, text: &str, form: Form) -> Result<(), SendError> {
        self.send(Opcode::Text, text.as_bytes(), form)
    }

    /// Queues a binary message, compressed and fragmented as `form` says.
    ///
    /// # Errors
    ///
    /// [`SendError`]. In that case, nothing was queued.
    pub fn send_binary_with(&mut self, bytes: &[u8], form: Form) -> Result<(), SendError> {
        self.send(Opcode::Binary, bytes, form)
    }

    /// Queues a message that was framed once for many peers. A long message is shared, not copied.
    /// The message is also compressed only once for all peers that use the same window without context takeover. With
    /// context takeover, each connection compresses the message in its own context. A message that is sent in fragments
    /// is framed and compressed for each peer.
    ///
    /// # Errors
    ///
    /// [`SendError`]. In that case, nothing was queued.
    pub fn send_shared(&mut self, message: &SharedMessage) -> Result<(), SendError> {
        let Form { compression, frame_size } = message.form;
        if !matches!(self.framing, Framing::Server) || frame_size.is_some() {
            // Only the payload can be shared here: the frames of a client differ by their masking keys, and draft 00
            // has another framing.
            return self.send(message.opcode, message.payload(), message.form);
        }
        self.admit(message.frame.len())?;
        match &self.deflate {
            Some(deflater) if deflater.should_compress(message.payload().len(), compression) => {
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
    /// [`SendError`], with [`TooLong`](SendError::TooLong) for more than 125 bytes.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Ping, payload)
    }

    /// Queues an unsolicited pong, a heartbeat without a response (§5.5.3).
    ///
    /// # Errors
    ///
    /// [`SendError`], with [`TooLong`](SendError::TooLong) for more than 125 bytes.
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload)
    }

    /// Begins the closing handshake (§7.1.2): queues a close frame after everything sent so far. In draft 00, the
    /// close frame has neither code nor reason.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if a close frame has already been queued.
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

    /// Returns whether a close frame was queued. Nothing can be sent after it.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.state != State::Open
    }

    /// Returns the code of the queued close frame. Returns `None` if no close frame is queued, or if it has no code.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        match self.state {
            State::Open => None,
            State::Closing(code) => code,
        }
    }

    /// Releases memory that the queued bytes do not need. Call this function when the peer has stopped reading for now,
    /// and when a connection is idle.
    pub fn release_memory(&mut self) {
        self.queue.release_memory();
    }

    /// With context takeover, drops the compressor. The next message then refers to no earlier one, and is therefore
    /// longer. Call this function when a connection is idle. Do not call it when the peer has merely stopped reading
    /// for a moment, because the peer would then have even more bytes to read.
    pub fn release_context(&mut self) {
        if let Some(deflater) = &mut self.deflate {
            deflater.release_context();
        }
    }

    /// Keeps the memory of a received message, if it is more than 2 MiB, for a later message in either direction.
    /// Mapping new memory of that size costs more than all work on its contents. Call this function after handling an
    /// event that owned its payload. The contents are never visible again.
    pub fn recycle(payload: Vec<u8>) {
        buffer_pool::recycle(payload);
    }

    /// Frees the memory that is kept for later messages of more than 2 MiB. That memory is at most twice as long as the
    /// longest message. The connections of a thread share it. Call this function when a connection has ended, and from
    /// time to time while connections are idle.
    pub fn release_buffers(&mut self) {
        buffer_pool::release_memory();
    }

    /// Drops everything that is queued. Call this function when the peer is gone.
    pub fn discard(&mut self) {
        self.queue = Queue::default();
    }

    /// Returns the limit in bytes. A longer message can never be sent.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the number of queued bytes that are not shared with other connections. The bytes of a long
    /// [`SharedMessage`] are left out. To count them once for all connections, use [`SharedMessage::attach`].
    #[must_use]
    pub fn own(&self) -> usize {
        self.queue.unshared()
    }

    /// Returns the allocated memory in bytes, including unused memory.
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
        // `Unsupported` is checked before `TooLong`, because in draft 00 a shorter payload would not help.
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

    /// Queues a message. The caller must have checked that there is room.
    fn push_message(&mut self, opcode: Opcode, payload: &[u8], form: Form) {
        match self.deflate(payload, form.compression) {
            Some(deflated) => {
                self.push_frames(opcode, RSV1, &deflated, form.frame_size);
                buffer_pool::put_back(deflated);
            }
            None => self.push_frames(opcode, 0, payload, form.frame_size),
        }
    }

    /// Returns the compressed payload, or `None` if the payload is to be sent uncompressed.
    fn deflate(&mut self, payload: &[u8], compression: Compression) -> Option<Vec<u8>> {
        let deflater = self.deflate.as_mut()?;
        if deflater.should_compress(payload.len(), compression) {
            deflater.deflate(payload)
        } else {
            None
        }
    }

    /// Queues a payload in one or more frames. Only the first frame has the reserved bits (RFC 7692 §6.1).
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
