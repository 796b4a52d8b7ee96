//! What goes out: the outbound buffer, who waits for room in it, and who waits for an answer.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Buf;
use tokio::sync::oneshot;
use tokio::time::Instant;
use ws_host_protocol::{
    self as protocol, CloseCode, CloseFrame, MAX_CONTROL_PAYLOAD, MaskKeys, Outbound,
    PerMessageDeflate,
};

use crate::error::SendError;

/// Everything that waits to be written, in the order in which it was sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// In octets, of `outbound`.
    limit: usize,
    outbound: Outbound,
    /// Did not fit into `outbound`. Each item is of a future that somebody holds, which bounds them.
    waiting: VecDeque<Waiting>,
    /// Stands in `outbound`, not yet written.
    queued: VecDeque<Queued>,
    /// Pings that were written, the oldest first.
    unanswered: VecDeque<Ping>,
    /// A pong that found no room.
    pong: Option<Vec<u8>>,
    /// Octets ever handed to the socket.
    written: u64,
    /// Whether a close frame was queued or waits for its turn, or nothing can be written any more.
    is_closing: bool,
}

/// One frame to send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Ping(&'a [u8]),
    Close(&'a CloseFrame),
}

/// What is told, and when.
#[derive(Debug)]
pub(crate) enum Tell {
    Nobody,
    Written(oneshot::Sender<()>),
    Pong(oneshot::Sender<Duration>),
}

#[derive(Debug)]
struct Waiting {
    frame: Owned,
    tell: Tell,
}

#[derive(Debug)]
enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Close(CloseFrame),
}

#[derive(Debug)]
struct Queued {
    /// The value of `written` when its last octet is.
    end: u64,
    tell: Tell,
    /// Of a ping.
    payload: Vec<u8>,
}

#[derive(Debug)]
struct Ping {
    payload: Vec<u8>,
    written: Instant,
    tell: oneshot::Sender<Duration>,
}

impl Outgoing {
    /// With room for so many octets.
    pub(crate) fn new(limit: usize, mask_keys: MaskKeys) -> Self {
        Self {
            limit,
            outbound: Outbound::client(limit, mask_keys),
            waiting: VecDeque::new(),
            queued: VecDeque::new(),
            unanswered: VecDeque::new(),
            pong: None,
            written: 0,
            is_closing: false,
        }
    }

    /// Compresses messages that are queued from now on.
    pub(crate) fn use_deflate(&mut self, agreed: &PerMessageDeflate) {
        self.outbound.use_deflate(agreed);
    }

    /// Queues a frame behind those that were sent before, or makes it wait with them for room.
    pub(crate) fn send(&mut self, frame: Frame<'_>, tell: Tell) -> Result<(), SendError> {
        if self.is_closing {
            return Err(SendError::Closed);
        }
        if !frame.fits(self.limit) {
            return Err(SendError::TooLong);
        }
        // A future that was dropped takes its message with it.
        self.waiting.retain(|waiting| !waiting.tell.is_withdrawn());
        let has_turn = self.waiting.is_empty() && self.pong.is_none();
        let put =
            if has_turn { frame.put(&mut self.outbound) } else { Err(protocol::SendError::Full) };
        match put {
            Ok(()) => self.note(frame, tell),
            Err(protocol::SendError::Full) => {
                self.waiting.push_back(Waiting { frame: frame.to_owned(), tell });
            }
            Err(error) => return Err(error.into()),
        }
        self.is_closing = matches!(frame, Frame::Close(_));
        Ok(())
    }

    /// §5.5.2: a ping is answered by a pong with the same application data.
    pub(crate) fn answer_ping(&mut self, payload: &[u8]) {
        // §5.5.3: when pings come faster than pongs can go, the most recent one is answered. Nothing
        // is answered behind a close frame (§5.5.1).
        self.pong = match self.outbound.pong(payload) {
            Err(protocol::SendError::Full) => Some(payload.to_owned()),
            _ => None,
        };
    }

    /// Sends a close frame ahead of what waits for room, which is not sent then: the server takes
    /// nothing more. Does nothing if one was sent.
    pub(crate) fn answer_close(&mut self, frame: Option<&CloseFrame>) {
        self.is_closing = true;
        self.waiting.clear();
        self.pong = None;
        let _ = self.outbound.close(frame);
    }

    /// A pong came. Gives whether it answers a ping of ours.
    ///
    /// §5.5.3: who gets many pings may answer the most recent one alone. So a pong answers the
    /// oldest ping with its payload, and those that were sent before.
    pub(crate) fn answered(&mut self, payload: &[u8]) -> bool {
        let Some(last) = self.unanswered.iter().position(|ping| ping.payload == payload) else {
            return false;
        };
        let now = Instant::now();
        for ping in self.unanswered.drain(..=last) {
            // Nobody may be waiting any more.
            let _ = ping.tell.send(now - ping.written);
        }
        true
    }

    /// What is to be written now.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// So many octets were handed to the socket: tells who waits for that, and makes use of the room.
    pub(crate) fn advance(&mut self, count: usize) {
        self.outbound.advance(count);
        self.written += count as u64;
        while let Some(queued) = self.queued.pop_front_if(|queued| queued.end <= self.written) {
            self.tell_written(queued);
        }
        self.refill();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// The code of our close frame, if it was queued.
    pub(crate) fn close_code(&self) -> Option<CloseCode> {
        self.outbound.close_code()
    }

    /// Nothing can be written any more: whoever waits is told so.
    pub(crate) fn cease(&mut self) {
        self.is_closing = true;
        self.waiting.clear();
        self.queued.clear();
        self.unanswered.clear();
        self.pong = None;
        self.outbound.discard();
    }

    fn refill(&mut self) {
        if let Some(pong) = self.pong.take() {
            self.answer_ping(&pong);
        }
        while self.pong.is_none()
            && let Some(waiting) = self.waiting.pop_front()
        {
            if waiting.tell.is_withdrawn() {
                continue;
            }
            let frame = waiting.frame.frame();
            match frame.put(&mut self.outbound) {
                Ok(()) => self.note(frame, waiting.tell),
                Err(protocol::SendError::Full) => {
                    self.waiting.push_front(waiting);
                    return;
                }
                // Who waits hears of it by the dropping of `tell`.
                Err(_) => {}
            }
        }
    }

    /// Remembers whom to tell of what has just been queued.
    fn note(&mut self, frame: Frame<'_>, tell: Tell) {
        let payload = match frame {
            Frame::Ping(payload) => payload.to_owned(),
            _ => Vec::new(),
        };
        let end = self.written + self.outbound.remaining() as u64;
        self.queued.push_back(Queued { end, tell, payload });
    }

    fn tell_written(&mut self, queued: Queued) {
        match queued.tell {
            Tell::Nobody => {}
            // Nobody may be waiting any more.
            Tell::Written(tell) => drop(tell.send(())),
            Tell::Pong(tell) => {
                // Only pings that somebody waits for are kept, which bounds them.
                self.unanswered.retain(|ping| !ping.tell.is_closed());
                let payload = queued.payload;
                self.unanswered.push_back(Ping { payload, written: Instant::now(), tell });
            }
        }
    }
}

impl Frame<'_> {
    /// Whether a buffer of this size could ever take it.
    fn fits(self, limit: usize) -> bool {
        match self {
            Self::Text(text) => frame_length(text.len()) <= limit,
            Self::Binary(octets) => frame_length(octets.len()) <= limit,
            Self::Ping(payload) => payload.len() <= MAX_CONTROL_PAYLOAD,
            // Answers and close frames are not held against the limit.
            Self::Close(_) => true,
        }
    }

    fn put(self, outbound: &mut Outbound) -> Result<(), protocol::SendError> {
        match self {
            Self::Text(text) => outbound.send_text(text),
            Self::Binary(octets) => outbound.send_binary(octets),
            Self::Ping(payload) => outbound.ping(payload),
            Self::Close(frame) => outbound.close(Some(frame)),
        }
    }

    fn to_owned(self) -> Owned {
        match self {
            Self::Text(text) => Owned::Text(text.to_owned()),
            Self::Binary(octets) => Owned::Binary(octets.to_owned()),
            Self::Ping(payload) => Owned::Ping(payload.to_owned()),
            Self::Close(frame) => Owned::Close(frame.clone()),
        }
    }
}

impl Owned {
    fn frame(&self) -> Frame<'_> {
        match self {
            Self::Text(text) => Frame::Text(text),
            Self::Binary(octets) => Frame::Binary(octets),
            Self::Ping(payload) => Frame::Ping(payload),
            Self::Close(frame) => Frame::Close(frame),
        }
    }
}

impl Tell {
    /// Whether who was to be told has lost interest: a message that is not queued yet is not sent then.
    fn is_withdrawn(&self) -> bool {
        match self {
            Self::Nobody => false,
            Self::Written(tell) => tell.is_closed(),
            Self::Pong(tell) => tell.is_closed(),
        }
    }
}

/// A masked frame (§5.2): two octets, the extended length, the masking key, the payload.
fn frame_length(payload: usize) -> usize {
    let extended = match payload {
        0..=125 => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    (2 + extended + 4usize).saturating_add(payload)
}
