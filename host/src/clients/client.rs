//! One client, as the guest and its connection share it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use ws_host_protocol::handshake::Version;
use ws_host_protocol::{
    CloseCode, CloseFrame, CloseFrameError, Form, Outbound, SendError, SharedMessage,
};

use super::Known;
use crate::budget::{Budget, STEP, Share};
use crate::log_rate::{Line, LogRate};

/// What a handler may keep beside a connection, in octets: a name, a session, a few settings. Together
/// with the limit of clients this bounds what all keep.
const MAX_ATTACHMENT: usize = 16 << 10;

static NO_ROOM: LogRate = LogRate::new();

/// The name of a client: never used twice while the host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A client while it is connected.
#[derive(Debug)]
pub(crate) struct Client {
    id: ClientId,
    known: Known,
    outgoing: Mutex<Outgoing>,
    /// Of what waits to be written.
    sent: Share,
    /// Of what has come and was not handled yet.
    received: Share,
    attachment: Mutex<Option<Box<[u8]>>>,
    has_left: AtomicBool,
}

/// What waits to be written, and whom to wake for it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) outbound: Outbound,
    aborted: bool,
    /// The connection's task.
    task: Option<Waker>,
    /// Whether the task wants to be woken for output. While it is awake it looks by itself.
    is_asleep: bool,
}

/// More than may be attached to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttachmentTooLong;

/// Why a client was not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CloseError {
    #[error("the client is closing or closed")]
    Closed,
    #[error(transparent)]
    Frame(#[from] CloseFrameError),
}

impl Client {
    /// A client whose outbound buffer holds at most `max_outbound` octets, and less if the budget has less.
    pub(crate) fn new(
        id: ClientId,
        known: Known,
        max_outbound: usize,
        budget: &Arc<Budget>,
    ) -> Self {
        let mut outbound = match known.version {
            Version::Draft00 => Outbound::draft00(max_outbound),
            Version::Draft07 | Version::Draft08 | Version::Rfc6455 => {
                Outbound::server(max_outbound)
            }
        };
        if let Some(deflate) = &known.deflate {
            outbound.use_deflate(deflate);
        }
        let outgoing = Outgoing { outbound, aborted: false, task: None, is_asleep: false };
        let (sent, received) = (Share::new(budget), Share::new(budget));
        let (outgoing, attachment) = (Mutex::new(outgoing), Mutex::new(None));
        let has_left = AtomicBool::new(false);
        Self { id, known, outgoing, sent, received, attachment, has_left }
    }

    pub(crate) fn id(&self) -> ClientId {
        self.id
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    pub(crate) fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.put(text.len(), |outbound| outbound.send_text(text))
    }

    pub(crate) fn send_binary(&self, octets: &[u8]) -> Result<(), SendError> {
        self.put(octets.len(), |outbound| outbound.send_binary(octets))
    }

    pub(crate) fn send_text_with(&self, text: &str, form: Form) -> Result<(), SendError> {
        self.put(text.len(), |outbound| outbound.send_text_with(text, form))
    }

    pub(crate) fn send_binary_with(&self, octets: &[u8], form: Form) -> Result<(), SendError> {
        self.put(octets.len(), |outbound| outbound.send_binary_with(octets, form))
    }

    pub(crate) fn send_shared(&self, message: &SharedMessage) -> Result<(), SendError> {
        message.accompany(|octets| Share::of(self.sent.budget(), octets));
        self.put(message.frame_length(), |outbound| outbound.send_shared(message))
    }

    pub(crate) fn ping(&self, payload: &[u8]) -> Result<(), SendError> {
        self.put(0, |outbound| outbound.ping(payload))
    }

    pub(crate) fn pong(&self, payload: &[u8]) -> Result<(), SendError> {
        self.put(0, |outbound| outbound.pong(payload))
    }

    /// Begins the closing handshake with a code and a reason of the handler's.
    pub(crate) fn close(&self, code: u16, reason: &str) -> Result<(), CloseError> {
        let frame = CloseFrame::new(code, reason)?;
        self.put(0, |outbound| outbound.close(Some(&frame))).map_err(|_| CloseError::Closed)
    }

    /// Begins the closing handshake for a reason of the host's, unless it has begun.
    pub(crate) fn close_by_host(&self, code: CloseCode, reason: &str) {
        let frame = CloseFrame::with_reason(code, reason);
        // The only error is that the client is closing already, which is what is wanted.
        let _ = self.put(0, |outbound| outbound.close(Some(&frame)));
    }

    /// Closes it because the host has no memory for what is held for it.
    pub(crate) fn close_for_room(&self) {
        if !self.is_open() {
            return;
        }
        let (resource, held) = (&self.known.resource, self.held());
        if let Some(Line { left_out }) = NO_ROOM.line(Instant::now()) {
            tracing::warn!(
                resource = &**resource,
                client = %self.id,
                held,
                left_out,
                "closed a client to make room: what waits for all clients fills max-buffered"
            );
        }
        let resource = resource.to_string();
        metrics::counter!("ws_host_closed_for_room_total", "resource" => resource).increment(1);
        self.close_by_host(CloseCode::TRY_AGAIN_LATER, "the server is full");
    }

    /// Drops the connection without a closing handshake, and what waits to be written with it.
    pub(crate) fn abort(&self) -> Result<(), SendError> {
        let mut outgoing = self.outgoing.lock();
        if std::mem::replace(&mut outgoing.aborted, true) {
            return Err(SendError::Closed);
        }
        outgoing.outbound.discard();
        self.count_sent(&outgoing);
        outgoing.wake();
        Ok(())
    }

    /// Whether a message to it would not answer `closed`.
    pub(crate) fn is_open(&self) -> bool {
        let outgoing = self.outgoing.lock();
        !outgoing.aborted && !outgoing.outbound.is_closing()
    }

    /// Its connection has ended.
    pub(crate) fn leave(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }

    /// Whether its connection has ended: nothing is kept for it any more.
    pub(crate) fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Relaxed)
    }

    /// Keeps this for the handler, in place of what was kept before.
    pub(crate) fn attach(&self, attachment: &[u8]) -> Result<(), AttachmentTooLong> {
        if attachment.len() > MAX_ATTACHMENT {
            return Err(AttachmentTooLong);
        }
        *self.attachment.lock() = Some(attachment.into());
        Ok(())
    }

    pub(crate) fn attachment(&self) -> Option<Vec<u8>> {
        self.attachment.lock().as_deref().map(Vec::from)
    }

    /// Octets that wait to be written.
    pub(crate) fn buffered(&self) -> usize {
        bytes::Buf::remaining(&self.outgoing.lock().outbound)
    }

    /// Octets that are held for it: waiting to be written, and not handled yet.
    pub(crate) fn held(&self) -> usize {
        self.buffered() + self.received.octets()
    }

    /// What has come of it and was not handled yet, for the client's connection alone.
    pub(crate) fn received(&self) -> &Share {
        &self.received
    }

    /// To be called after writing, with what still waits.
    #[inline]
    pub(crate) fn count_sent(&self, outgoing: &Outgoing) {
        self.sent.follow(outgoing.outbound.own());
    }

    /// Whether so much waits to be written to it that nothing more of it is read and handled: over this high
    /// water, or over half of what the host has left. The other half is for the answers to what was read.
    #[inline]
    pub(crate) fn is_clogged(&self, outgoing: &Outgoing, high_water: usize) -> bool {
        let waiting = bytes::Buf::remaining(&outgoing.outbound);
        waiting > high_water || !self.sent.admits(2 * waiting)
    }

    /// The outbound side, for the client's connection alone.
    pub(crate) fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock()
    }

    /// Queues what is so long, if it is not a control frame.
    fn put<T>(
        &self,
        octets: usize,
        act: impl FnOnce(&mut Outbound) -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let mut outgoing = self.outgoing.lock();
        if outgoing.aborted {
            return Err(SendError::Closed);
        }
        let waiting = bytes::Buf::remaining(&outgoing.outbound) + octets;
        let is_counted = waiting >= STEP;
        if is_counted && octets > 0 && !outgoing.outbound.is_closing() && !self.sent.admits(waiting)
        {
            return Err(SendError::Full);
        }
        let done = act(&mut outgoing.outbound)?;
        if is_counted {
            self.count_sent(&outgoing);
        }
        outgoing.wake();
        Ok(done)
    }
}

impl Outgoing {
    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// The connection's task is awake: it will look for output before it sleeps again.
    pub(crate) fn awake(&mut self) {
        self.is_asleep = false;
    }

    /// The connection's task goes to sleep and wants to be woken for output.
    pub(crate) fn sleep(&mut self, context: &Context<'_>) {
        self.is_asleep = true;
        match &mut self.task {
            Some(task) if task.will_wake(context.waker()) => {}
            task => *task = Some(context.waker().clone()),
        }
    }

    fn wake(&mut self) {
        if std::mem::take(&mut self.is_asleep)
            && let Some(task) = &self.task
        {
            task.wake_by_ref();
        }
    }
}
