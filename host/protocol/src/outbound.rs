//! What goes to the peer: messages and control frames in, octets out.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;

use bytes::{Buf, Bytes};

use crate::close::CloseFrame;
use crate::close_code::CloseCode;
use crate::error::{ProtocolError, SendError};
use crate::frame::{Fin, Header, MAX_CONTROL_PAYLOAD, Opcode};
use crate::mask::MaskKey;

/// Makes a new masking key for each frame of a client. The keys must be unpredictable (RFC 6455
/// §10.3): take them from a cryptographic random number generator.
pub type MaskKeys = Box<dyn FnMut() -> [u8; 4] + Send>;

/// Below this length a shared frame is copied: cheaper than a segment of its own in the queue.
const SHARE_FROM: usize = 4096;

/// What an empty buffer keeps of its memory, so that small messages need no allocation.
const KEEP: usize = 16 * 1024;

/// The sending machine of a connection: a bounded buffer of octets that wait to be written.
///
/// Read it as a [`Buf`]: write [`chunk`](Buf::chunk) (or
/// [`chunks_vectored`](Buf::chunks_vectored)) and [`advance`](Buf::advance) by what was taken.
///
/// Messages and pings are held against the limit. Answers to the peer, pongs and close frames, are
/// not: the caller bounds them by not reading from a peer that does not read.
pub struct Outbound {
    mask_keys: Option<MaskKeys>,
    limit: usize,
    /// Written before `tail`.
    segments: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// How much of `tail` has been written.
    written: usize,
    queued: usize,
    state: State,
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
        Self::new(limit, None)
    }

    /// The sending machine of a client: every frame is masked with its own key.
    pub fn client(limit: usize, mask_keys: MaskKeys) -> Self {
        Self::new(limit, Some(mask_keys))
    }

    fn new(limit: usize, mask_keys: Option<MaskKeys>) -> Self {
        Self {
            mask_keys,
            limit,
            segments: VecDeque::new(),
            tail: Vec::new(),
            written: 0,
            queued: 0,
            state: State::Open,
        }
    }

    /// Queues a text message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, text.as_bytes())
    }

    /// Queues a binary message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_binary(&mut self, octets: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Binary, octets)
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
        self.send_in_frames(Opcode::Text, text.as_bytes(), frame_size)
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
        self.send_in_frames(Opcode::Binary, octets, frame_size)
    }

    /// Queues a message that was framed once for many peers. A long one is shared, not copied.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued then.
    pub fn send_shared(&mut self, message: &SharedMessage) -> Result<(), SendError> {
        if self.mask_keys.is_some() {
            // A client's frames differ by their keys: only the payload is common.
            return self.send(message.opcode, message.payload());
        }
        self.admit(message.frame.len())?;
        if message.frame.len() < SHARE_FROM {
            self.tail.extend_from_slice(&message.frame);
        } else {
            self.seal_tail();
            self.segments.push_back(message.frame.clone());
        }
        self.queued += message.frame.len();
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

    /// Begins the closing handshake (§7.1.2): queues a close frame behind all that was sent.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if that was done before.
    pub fn close(&mut self, frame: Option<&CloseFrame>) -> Result<(), SendError> {
        if self.is_closing() {
            return Err(SendError::Closed);
        }
        self.push(Opcode::Close, Fin::Last, &frame.map(CloseFrame::encode).unwrap_or_default());
        self.state = State::Closing(frame.map(CloseFrame::code));
        Ok(())
    }

    /// Whether a close frame was queued: nothing can be sent any more.
    pub fn is_closing(&self) -> bool {
        self.state != State::Open
    }

    /// The code of the close frame that was queued, if one was and it had a code.
    pub fn close_code(&self) -> Option<CloseCode> {
        match self.state {
            State::Open => None,
            State::Closing(code) => code,
        }
    }

    /// Gives memory back that a burst made the buffer grow to. Worth a call when a connection idles.
    pub fn release_memory(&mut self) {
        if self.queued == 0 {
            self.tail = Vec::new();
            self.segments = VecDeque::new();
        }
    }

    /// Drops everything that waits to be written: the peer is gone.
    pub fn discard(&mut self) {
        self.segments.clear();
        self.tail.clear();
        self.written = 0;
        self.queued = 0;
        self.release_memory();
    }

    /// How much memory it has, used or not.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.tail.capacity() + self.segments.iter().map(Bytes::len).sum::<usize>()
    }

    pub(crate) fn answer_ping(&mut self, payload: &[u8]) {
        if !self.is_closing() {
            self.push(Opcode::Pong, Fin::Last, payload);
        }
    }

    pub(crate) fn answer_close(&mut self, frame: Option<&CloseFrame>) {
        // Fails only if our own close frame went out before; then there is nothing to answer.
        let _ = self.close(frame);
    }

    pub(crate) fn fail(&mut self, error: ProtocolError) {
        self.answer_close(Some(&CloseFrame::with_reason(error.close_code(), error.to_string())));
    }

    fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.admit(self.header(opcode, Fin::Last, payload).encoded_length() + payload.len())?;
        self.push(opcode, Fin::Last, payload);
        Ok(())
    }

    fn send_in_frames(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        frame_size: NonZeroUsize,
    ) -> Result<(), SendError> {
        let header =
            self.header(opcode, Fin::More, &payload[..payload.len().min(frame_size.get())]);
        let frames = payload.len().div_ceil(frame_size.get()).max(1);
        self.admit(frames.saturating_mul(header.encoded_length()).saturating_add(payload.len()))?;
        let mut rest = payload;
        let mut opcode = opcode;
        while rest.len() > frame_size.get() {
            let (fragment, after) = rest.split_at(frame_size.get());
            self.push(opcode, Fin::More, fragment);
            opcode = Opcode::Continuation;
            rest = after;
        }
        self.push(opcode, Fin::Last, rest);
        Ok(())
    }

    fn send_control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendError::TooLong);
        }
        self.send(opcode, payload)
    }

    fn admit(&self, length: usize) -> Result<(), SendError> {
        if self.is_closing() {
            return Err(SendError::Closed);
        }
        if length > self.limit {
            return Err(SendError::TooLong);
        }
        if self.queued + length > self.limit {
            return Err(SendError::Full);
        }
        Ok(())
    }

    fn header(&self, opcode: Opcode, fin: Fin, payload: &[u8]) -> Header {
        let mask = self.mask_keys.is_some().then(|| MaskKey::new([0; 4]));
        Header { fin, reserved: 0, opcode, mask, length: payload.len() as u64 }
    }

    fn push(&mut self, opcode: Opcode, fin: Fin, payload: &[u8]) {
        let mut header = self.header(opcode, fin, payload);
        header.mask = self.mask_keys.as_mut().map(|next_key| MaskKey::new(next_key()));
        let before = self.tail.len();
        self.tail.reserve(header.encoded_length() + payload.len());
        header.encode(&mut self.tail);
        let start = self.tail.len();
        self.tail.extend_from_slice(payload);
        if let Some(key) = &mut header.mask {
            key.apply(&mut self.tail[start..]);
        }
        self.queued += self.tail.len() - before;
    }

    /// Makes what stands in `tail` a segment, so that a shared one can follow it.
    fn seal_tail(&mut self) {
        let mut tail = Bytes::from(std::mem::take(&mut self.tail));
        tail.advance(std::mem::take(&mut self.written));
        if !tail.is_empty() {
            self.segments.push_back(tail);
        }
    }

    fn advance_tail(&mut self, count: usize) {
        self.written += count;
        if self.written == self.tail.len() {
            self.tail.clear();
            self.tail.shrink_to(KEEP);
            self.written = 0;
        } else if self.written > self.tail.len() / 2 {
            // A peer that never quite catches up must not let the written part grow for ever.
            self.tail.drain(..self.written);
            self.written = 0;
        }
    }
}

impl Buf for Outbound {
    fn remaining(&self) -> usize {
        self.queued
    }

    fn chunk(&self) -> &[u8] {
        self.segments.front().map_or(&self.tail[self.written..], |segment| segment)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let tail = std::iter::once(&self.tail[self.written..]).filter(|tail| !tail.is_empty());
        let chunks = self.segments.iter().map(|segment| &segment[..]).chain(tail);
        let mut filled = 0;
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            *slice = std::io::IoSlice::new(chunk);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.queued, "advanced by more than the buffer holds");
        self.queued -= count;
        while let Some(segment) = self.segments.front_mut() {
            if count < segment.len() {
                segment.advance(count);
                return;
            }
            count -= segment.len();
            self.segments.pop_front();
        }
        self.advance_tail(count);
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("queued", &self.queued)
            .field("limit", &self.limit)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A message that is framed once and sent to many ([`Outbound::send_shared`]).
#[derive(Clone, Debug)]
pub struct SharedMessage {
    opcode: Opcode,
    frame: Bytes,
    header_length: usize,
}

impl SharedMessage {
    /// A text message.
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// A binary message.
    pub fn binary(octets: &[u8]) -> Self {
        Self::new(Opcode::Binary, octets)
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let header = Header {
            fin: Fin::Last,
            reserved: 0,
            opcode,
            mask: None,
            length: payload.len() as u64,
        };
        let header_length = header.encoded_length();
        let mut frame = Vec::with_capacity(header_length + payload.len());
        header.encode(&mut frame);
        frame.extend_from_slice(payload);
        Self { opcode, frame: frame.into(), header_length }
    }

    fn payload(&self) -> &[u8] {
        &self.frame[self.header_length..]
    }
}
