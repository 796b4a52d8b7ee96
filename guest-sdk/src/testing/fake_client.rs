//! The host's side of one client.

use std::collections::VecDeque;
use std::time::Duration;

use super::received::{Closed, Received};
use super::request::TestRequest;
use crate::Cause;

const MAX_CONTROL: usize = 125;

/// The stage of a client's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// `connected` is running or has accepted the client.
    Present,
    /// A close frame is queued, or the connection was dropped.
    Closing,
    /// `disconnected` has been called, or the client was refused.
    Gone,
}

pub(super) struct FakeClient {
    pub(super) request: TestRequest,
    /// The URL, if the handler has opened the connection.
    pub(super) url: Option<String>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) phase: Phase,
    /// The subprotocol that was agreed on.
    pub(super) subprotocol: Option<String>,
    pub(super) response_headers: Vec<(String, String)>,
    /// The output that waits to be written to the client.
    pub(super) outbound: VecDeque<Outbound>,
    /// How many bytes of output are waiting.
    pub(super) buffered: usize,
    pub(super) is_reading: bool,
    /// Whether a send has been refused since the last `drained` event.
    pub(super) was_refused: bool,
    /// The messages, pings and pongs that have reached the client and that the test has not taken yet.
    pub(super) inbox: VecDeque<Received>,
    /// How the connection ended for the client.
    pub(super) closed: Option<Closed>,
    /// How the connection ended. `None` again once `disconnected` is called.
    pub(super) ending: Option<End>,
    /// Why the connection has ended or is closing. Only the first cause is kept.
    pub(super) cause: Option<Cause>,
    pub(super) topics: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) attachment: Option<Vec<u8>>,
    pub(super) expiry: Option<Expiry>,
}

/// Output that waits for a client.
pub(super) enum Outbound {
    /// A message, and its length on the wire.
    Message(Received, usize),
    Close(Closed),
}

/// How a connection ended, as `disconnected` reports it.
#[derive(Clone)]
pub(super) struct End {
    pub(super) cause: Cause,
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) is_clean: bool,
    pub(super) sent_code: Option<u16>,
}

/// When a client expires.
#[derive(Clone, Copy)]
pub(super) struct Expiry {
    pub(super) deadline: Duration,
    /// When `expiring` is due. `None` once it has been called.
    pub(super) notice: Option<Duration>,
}

impl FakeClient {
    pub(super) fn new(request: TestRequest, parameters: Vec<(String, String)>) -> Self {
        Self {
            request,
            url: None,
            parameters,
            phase: Phase::Present,
            subprotocol: None,
            response_headers: Vec::new(),
            outbound: VecDeque::new(),
            buffered: 0,
            is_reading: true,
            was_refused: false,
            inbox: VecDeque::new(),
            closed: None,
            ending: None,
            cause: None,
            topics: Vec::new(),
            tags: Vec::new(),
            attachment: None,
            expiry: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Present
    }

    /// Queues a message for an open client. A message is split into frames of at most `max_frame` bytes.
    pub(super) fn send(
        &mut self,
        message: Received,
        max_frame: Option<u32>,
        max_outbound: usize,
    ) -> Result<(), &'static str> {
        let length = message.bytes().len();
        let is_control = matches!(message, Received::Ping(_) | Received::Pong(_));
        if is_control && length > MAX_CONTROL {
            return Err("too-long");
        }
        if !self.is_open() {
            return Err("closed");
        }
        let wire = wire_length(length, max_frame);
        if wire > max_outbound {
            return Err("too-long");
        }
        if self.buffered + wire > max_outbound {
            self.was_refused = true;
            return Err("full");
        }
        self.buffered += wire;
        self.outbound.push_back(Outbound::Message(message, wire));
        Ok(())
    }

    /// Queues a close frame for an open client.
    pub(super) fn close(&mut self, code: u16, reason: &str, cause: Cause) {
        self.phase = Phase::Closing;
        self.cause.get_or_insert(cause);
        let closed = Closed { code: code.into(), reason: reason.to_owned() };
        self.outbound.push_back(Outbound::Close(closed));
    }

    /// Drops the connection. Returns whether there was one.
    pub(super) fn abort(&mut self, cause: Cause, reason: &str) -> bool {
        if self.closed.is_some() || self.phase == Phase::Gone {
            return false;
        }
        self.phase = Phase::Closing;
        let cause = *self.cause.get_or_insert(cause);
        let sent_code = None;
        self.outbound.clear();
        self.buffered = 0;
        self.closed = Some(Closed::without_frame());
        self.ending =
            Some(End { cause, code: 1006, reason: reason.to_owned(), is_clean: false, sent_code });
        true
    }

    /// Writes the waiting output to the client, if the client reads. The client answers a close frame with the same
    /// code.
    pub(super) fn flush(&mut self) {
        while self.is_reading
            && let Some(output) = self.outbound.pop_front()
        {
            match output {
                Outbound::Message(message, length) => {
                    self.buffered -= length;
                    self.inbox.push_back(message);
                }
                Outbound::Close(closed) => {
                    let cause = self.cause.unwrap_or(Cause::Handler);
                    let code = closed.code.into();
                    let (reason, sent_code) = (String::new(), Some(code));
                    self.ending = Some(End { cause, code, reason, is_clean: true, sent_code });
                    self.closed = Some(closed);
                }
            }
        }
    }
}

/// Returns how many bytes the frames of a message take up (RFC 6455 §5.2).
fn wire_length(payload: usize, max_frame: Option<u32>) -> usize {
    let header = |payload: usize| match payload {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    let Some(max) = max_frame.map(|max| max as usize).filter(|max| *max < payload) else {
        return header(payload) + payload;
    };
    let (full, rest) = (payload / max, payload % max);
    let last = if rest == 0 { 0 } else { header(rest) + rest };
    full * (header(max) + max) + last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_on_the_wire_counts_the_header_of_each_frame() {
        assert_eq!(wire_length(0, None), 2);
        assert_eq!(wire_length(125, None), 127);
        assert_eq!(wire_length(126, None), 130);
        assert_eq!(wire_length(70_000, None), 70_010);
        assert_eq!(wire_length(10, Some(10)), 12);
        assert_eq!(wire_length(10, Some(4)), 6 + 6 + 4);
        assert_eq!(wire_length(8, Some(4)), 6 + 6);
    }
}
