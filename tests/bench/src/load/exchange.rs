//! Messages of a WebSocket and their echoes, whatever they travel over.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::client::Extension;
use crate::message::{Key, Keys, Pattern};

/// Messages of one kind: how they go to the server, and what must come back.
pub(crate) trait Messages {
    /// What is known of an echo that is not whole yet.
    type Begun: Default;

    /// What its handshake asks for.
    const EXTENSION: Extension;

    /// Writes the frame of a new message behind what is there, and tells its key.
    fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key;

    /// Takes octets of the echo of the message with this key. Others may follow it.
    fn take(&mut self, key: Key, begun: &mut Self::Begun, octets: &[u8]) -> Result<Taken>;

    /// Octets of the frame that an echo is, as far as the server chooses them.
    fn echo_octets(&self) -> Option<usize> {
        None
    }
}

/// What was taken of some octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// All of them, and more must follow.
    All,
    /// So many, and with them the echo is whole.
    Whole(usize),
}

impl Messages for Pattern {
    /// Octets that are here already.
    type Begun = usize;

    const EXTENSION: Extension = Extension::None;

    fn write_request(&self, keys: &mut Keys, requests: &mut Vec<u8>) -> Key {
        Self::write_request(self, keys, requests)
    }

    fn take(&mut self, key: Key, begun: &mut usize, octets: &[u8]) -> Result<Taken> {
        let missing = self.answer_length() - *begun;
        let octets = &octets[..octets.len().min(missing)];
        ensure!(self.matches(key, *begun, octets), "an echo is not what was sent");
        if octets.len() < missing {
            *begun += octets.len();
            return Ok(Taken::All);
        }
        *begun = 0;
        Ok(Taken::Whole(missing))
    }
}

/// A message that is under way.
#[derive(Clone, Copy)]
pub(super) struct Flying {
    key: Key,
    sent: Instant,
}

/// What all WebSockets of a generator share.
pub(super) struct Work<M> {
    messages: M,
    keys: Keys,
    /// Frames that wait to be written.
    pub(super) requests: Vec<u8>,
    /// Of the last run, in microseconds.
    latencies: Vec<u32>,
}

impl<M: Messages> Work<M> {
    pub(super) fn new(messages: M) -> Self {
        Self { messages, keys: Keys::new(), requests: Vec::new(), latencies: Vec::new() }
    }

    /// A new message, which waits in `requests` to be written.
    pub(super) fn send(&mut self, now: Instant) -> Flying {
        Flying { key: self.messages.write_request(&mut self.keys, &mut self.requests), sent: now }
    }

    /// Forgets how long the messages of the last run took.
    pub(super) fn begin(&mut self) {
        self.latencies.clear();
    }

    /// How long so many per cent of the messages took at most.
    pub(super) fn percentile(&mut self, per_cent: usize) -> Option<Duration> {
        let last = self.latencies.len().checked_sub(1)?;
        let (_, latency, _) = self.latencies.select_nth_unstable(last * per_cent / 100);
        Some(Duration::from_micros(u64::from(*latency)))
    }

    /// Octets of an echo, as far as the server chooses them.
    pub(super) fn echo_octets(&self) -> Option<usize> {
        self.messages.echo_octets()
    }
}

/// What comes back on one WebSocket.
#[derive(Default)]
pub(super) struct Echo<B> {
    /// Which of its messages comes back next.
    next: usize,
    begun: B,
}

impl<B: Default> Echo<B> {
    /// Takes what came; tells how many echoes are whole now. A new message follows each and waits in
    /// `requests`, which holds nothing else.
    pub(super) fn receive<M: Messages<Begun = B>>(
        &mut self,
        mut octets: &[u8],
        flying: &mut [Flying],
        work: &mut Work<M>,
        now: Instant,
    ) -> Result<u64> {
        work.requests.clear();
        let mut echoes = 0;
        while !octets.is_empty() {
            let Flying { key, sent } = flying[self.next];
            let Taken::Whole(length) = work.messages.take(key, &mut self.begun, octets)? else {
                break;
            };
            octets = &octets[length..];
            echoes += 1;
            work.latencies.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
            flying[self.next] = work.send(now);
            self.next = (self.next + 1) % flying.len();
        }
        Ok(echoes)
    }
}
