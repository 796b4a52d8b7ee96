//! The output: the outbound buffer, the frames that wait for room in it, and the pings that wait for a pong.

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

/// All output that waits to be written, in the order in which it was sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The size of `outbound`, in bytes.
    limit: usize,
    outbound: Outbound,
    /// Frames that did not fit into `outbound`. Each belongs to a future that the application holds. So the application
    /// limits the number of these frames.
    waiting: VecDeque<Waiting>,
    /// Frames in `outbound` that are not completely written yet.
    queued: VecDeque<Queued>,
    /// Pings that were written and not yet answered, oldest first.
    unanswered: VecDeque<Ping>,
    /// A pong for which there was no room.
    pong: Option<Vec<u8>>,
    /// The number of bytes handed to the socket so far.
    written: u64,
    /// Whether a close frame was queued or is waiting for room. Also true once all output was discarded, because
    /// nothing can be written any more.
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

/// The event that completes the future of a frame.
#[derive(Debug)]
pub(crate) enum Completion {
    Ignored,
    Written(oneshot::Sender<()>),
    Pong(oneshot::Sender<Duration>),
}

#[derive(Debug)]
struct Waiting {
    frame: Owned,
    completion: Completion,
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
    /// The value of `written` after the last byte of the frame.
    end: u64,
    completion: Completion,
    /// The payload of a ping. It is empty for other frames.
    payload: Vec<u8>,
}

#[derive(Debug)]
struct Ping {
    payload: Vec<u8>,
    written: Instant,
    completion: oneshot::Sender<Duration>,
}

impl Outgoing {
    /// Creates an outbound buffer of `limit` bytes.
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

    /// Queues a frame behind those that were sent earlier. If there is no room, the frame waits.
    pub(crate) fn send(
        &mut self,
        frame: Frame<'_>,
        completion: Completion,
    ) -> Result<(), SendError> {
        if self.is_closing {
            return Err(SendError::Closed);
        }
        if !frame.fits(self.limit) {
            return Err(SendError::TooLong);
        }
        // If the future of a message was dropped while the message waited, the message is not sent.
        self.waiting.retain(|waiting| !waiting.completion.is_cancelled());
        let has_turn = self.waiting.is_empty() && self.pong.is_none();
        let put = if has_turn {
            frame.enqueue(&mut self.outbound)
        } else {
            Err(protocol::SendError::Full)
        };
        match put {
            Ok(()) => self.record_queued(frame, completion),
            Err(protocol::SendError::Full) => {
                self.waiting.push_back(Waiting { frame: frame.to_owned(), completion });
            }
            Err(error) => return Err(error.into()),
        }
        self.is_closing = matches!(frame, Frame::Close(_));
        Ok(())
    }

    /// §5.5.2: a ping is answered by a pong with the same application data.
    pub(crate) fn answer_ping(&mut self, payload: &[u8]) {
        // §5.5.3: if pings arrive faster than pongs can be sent, only the most recent ping is answered. §5.5.1: no pong
        // follows a close frame.
        self.pong = match self.outbound.pong(payload) {
            Err(protocol::SendError::Full) => Some(payload.to_owned()),
            _ => None,
        };
    }

    /// Queues a close frame. Frames that wait for room are dropped, because the server accepts nothing more. Does
    /// nothing if a close frame was already queued.
    pub(crate) fn answer_close(&mut self, frame: Option<&CloseFrame>) {
        self.is_closing = true;
        self.waiting.clear();
        self.pong = None;
        let _ = self.outbound.close(frame);
    }

    /// Completes the pings that a pong answers. Returns whether there were any.
    ///
    /// §5.5.3: an endpoint that gets many pings may answer only the most recent one. So a pong answers the ping that
    /// has the same payload, and all pings sent before that ping. If several pings have that payload, the oldest one
    /// counts.
    pub(crate) fn answered(&mut self, payload: &[u8]) -> bool {
        let Some(last) = self.unanswered.iter().position(|ping| ping.payload == payload) else {
            return false;
        };
        let now = Instant::now();
        for ping in self.unanswered.drain(..=last) {
            // Sending fails if the future was dropped.
            let _ = ping.completion.send(now - ping.written);
        }
        true
    }

    /// Returns the output to write next.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// Records that `count` bytes were handed to the socket. Completes the futures of written frames, and queues frames
    /// that were waiting for room.
    pub(crate) fn advance(&mut self, count: usize) {
        self.outbound.advance(count);
        self.written += count as u64;
        while let Some(queued) = self.queued.pop_front_if(|queued| queued.end <= self.written) {
            self.complete_written(queued);
        }
        self.refill();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Returns the code of this client's close frame, if one was queued.
    pub(crate) fn close_code(&self) -> Option<CloseCode> {
        self.outbound.close_code()
    }

    /// Drops all output, because nothing can be written any more. All waiting futures fail.
    pub(crate) fn discard(&mut self) {
        self.is_closing = true;
        self.waiting.clear();
        self.queued.clear();
        self.unanswered.clear();
        self.pong = None;
        self.outbound.discard();
        self.outbound.release_buffers();
    }

    fn refill(&mut self) {
        if let Some(pong) = self.pong.take() {
            self.answer_ping(&pong);
        }
        while self.pong.is_none()
            && let Some(waiting) = self.waiting.pop_front()
        {
            if waiting.completion.is_cancelled() {
                continue;
            }
            let frame = waiting.frame.frame();
            match frame.enqueue(&mut self.outbound) {
                Ok(()) => self.record_queued(frame, waiting.completion),
                Err(protocol::SendError::Full) => {
                    self.waiting.push_front(waiting);
                    return;
                }
                // The sender is dropped here, which makes the future fail.
                Err(_) => {}
            }
        }
    }

    /// Records the frame that has just been queued, so that its future can be completed later.
    fn record_queued(&mut self, frame: Frame<'_>, completion: Completion) {
        let payload = match frame {
            Frame::Ping(payload) => payload.to_owned(),
            _ => Vec::new(),
        };
        let end = self.written + self.outbound.remaining() as u64;
        self.queued.push_back(Queued { end, completion, payload });
    }

    fn complete_written(&mut self, queued: Queued) {
        match queued.completion {
            Completion::Ignored => {}
            // Sending fails if the future was dropped.
            Completion::Written(completion) => drop(completion.send(())),
            Completion::Pong(completion) => {
                // Pings whose future was dropped are removed here. This limits the number of pings.
                self.unanswered.retain(|ping| !ping.completion.is_closed());
                let payload = queued.payload;
                self.unanswered.push_back(Ping { payload, written: Instant::now(), completion });
            }
        }
    }
}

impl Frame<'_> {
    /// Returns whether the frame could ever fit into a buffer of this size.
    fn fits(self, limit: usize) -> bool {
        match self {
            Self::Text(text) => frame_length(text.len()) <= limit,
            Self::Binary(bytes) => frame_length(bytes.len()) <= limit,
            Self::Ping(payload) => payload.len() <= MAX_CONTROL_PAYLOAD,
            // The limit does not apply to pongs and close frames.
            Self::Close(_) => true,
        }
    }

    fn enqueue(self, outbound: &mut Outbound) -> Result<(), protocol::SendError> {
        match self {
            Self::Text(text) => outbound.send_text(text),
            Self::Binary(bytes) => outbound.send_binary(bytes),
            Self::Ping(payload) => outbound.ping(payload),
            Self::Close(frame) => outbound.close(Some(frame)),
        }
    }

    fn to_owned(self) -> Owned {
        match self {
            Self::Text(text) => Owned::Text(text.to_owned()),
            Self::Binary(bytes) => Owned::Binary(bytes.to_owned()),
            Self::Ping(payload) => Owned::Ping(payload.to_owned()),
            Self::Close(frame) => Owned::Close(frame.clone()),
        }
    }
}

impl Owned {
    fn frame(&self) -> Frame<'_> {
        match self {
            Self::Text(text) => Frame::Text(text),
            Self::Binary(bytes) => Frame::Binary(bytes),
            Self::Ping(payload) => Frame::Ping(payload),
            Self::Close(frame) => Frame::Close(frame),
        }
    }
}

impl Completion {
    /// Returns whether the future was dropped. If it was, a frame that is not queued yet is not sent.
    fn is_cancelled(&self) -> bool {
        match self {
            Self::Ignored => false,
            Self::Written(completion) => completion.is_closed(),
            Self::Pong(completion) => completion.is_closed(),
        }
    }
}

/// Returns the length of a masked frame (§5.2): two bytes, the extended length, the masking key, and the payload.
fn frame_length(payload: usize) -> usize {
    let extended = match payload {
        0..=125 => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    (2 + extended + 4usize).saturating_add(payload)
}
