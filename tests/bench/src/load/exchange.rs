//! Messages on a WebSocket and their echoes, independent of the transport.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::client::Extension;
use crate::message::{Key, Keys, Pattern};

/// A kind of messages: how they are sent, and what must come back.
pub(crate) trait Messages {
    /// The state of an echo that is not complete yet.
    type Partial: Default;

    /// The extension that the handshake offers.
    const EXTENSION: Extension;

    /// Appends the frame of a new message and returns its key.
    fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key;

    /// Consumes bytes of the echo of the message with this key. The bytes may continue with further
    /// echoes.
    fn consume(&mut self, key: Key, partial: &mut Self::Partial, bytes: &[u8]) -> Result<Consumed>;

    /// Returns the bytes of an echo's frame, if the server chooses the length.
    fn echo_bytes(&self) -> Option<usize> {
        None
    }
}

/// How many of the given bytes were consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumed {
    /// All of them, and the echo is not complete yet.
    All,
    /// This many, and they complete the echo.
    Complete(usize),
}

impl Messages for Pattern {
    /// Bytes received so far.
    type Partial = usize;

    const EXTENSION: Extension = Extension::None;

    fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key {
        Self::write_request(self, keys, requests)
    }

    fn consume(&mut self, key: Key, partial: &mut usize, bytes: &[u8]) -> Result<Consumed> {
        let missing = self.answer_length() - *partial;
        let bytes = &bytes[..bytes.len().min(missing)];
        ensure!(
            self.matches(key, *partial, bytes),
            "an echo differs from the message, or the server closes (0x88): at {partial} of {} bytes it \
             sends {:02x?}",
            self.answer_length(),
            &bytes[..bytes.len().min(32)]
        );
        if bytes.len() < missing {
            *partial += bytes.len();
            return Ok(Consumed::All);
        }
        *partial = 0;
        Ok(Consumed::Complete(missing))
    }
}

/// A message in flight.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    key: Key,
    sent: Instant,
}

/// The state that all WebSockets of a generator share.
pub(super) struct Shared<M> {
    messages: M,
    keys: Keys,
    /// Frames to be written.
    pub(super) requests: Vec<u8>,
    /// Latencies of the last run, in microseconds.
    latencies: Vec<u32>,
}

impl<M: Messages> Shared<M> {
    pub(super) fn new(messages: M) -> Self {
        Self { messages, keys: Keys::new(), requests: Vec::new(), latencies: Vec::new() }
    }

    /// Appends a new message to `requests`.
    pub(super) fn send(&mut self, now: Instant) -> Pending {
        Pending { key: self.messages.write_request(&mut self.keys, &mut self.requests), sent: now }
    }

    /// Forgets the latencies of the last run.
    pub(super) fn begin(&mut self) {
        self.latencies.clear();
    }

    /// Returns a percentile of the latencies.
    pub(super) fn percentile(&mut self, per_cent: usize) -> Option<Duration> {
        let last = self.latencies.len().checked_sub(1)?;
        let (_, latency, _) = self.latencies.select_nth_unstable(last * per_cent / 100);
        Some(Duration::from_micros(u64::from(*latency)))
    }

    /// Returns the bytes of an echo, if the server chooses the length.
    pub(super) fn echo_bytes(&self) -> Option<usize> {
        self.messages.echo_bytes()
    }
}

/// The echoes of one WebSocket.
#[derive(Default)]
pub(super) struct Echo<B> {
    /// The index of the message whose echo is expected next.
    next: usize,
    partial: B,
}

impl<B: Default> Echo<B> {
    /// Takes received bytes and returns how many echoes they complete. For each, a new message is
    /// appended to `requests`, which is cleared first.
    pub(super) fn receive<M: Messages<Partial = B>>(
        &mut self,
        mut bytes: &[u8],
        pending: &mut [Pending],
        shared: &mut Shared<M>,
        now: Instant,
    ) -> Result<u64> {
        shared.requests.clear();
        let mut echoes = 0;
        while !bytes.is_empty() {
            let Pending { key, sent } = pending[self.next];
            let Consumed::Complete(length) =
                shared.messages.consume(key, &mut self.partial, bytes)?
            else {
                break;
            };
            bytes = &bytes[length..];
            echoes += 1;
            shared.latencies.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
            pending[self.next] = shared.send(now);
            self.next = (self.next + 1) % pending.len();
        }
        Ok(echoes)
    }
}
