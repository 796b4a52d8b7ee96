//! A client, shared by the guest and the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;
use ws_host_protocol::handshake::Version;
use ws_host_protocol::{
    CloseFrame, CloseFrameError, Form, Outbound, Role, SendError, SharedMessage,
};

use super::outbound_buffer::{LimitReached, OnFull, OutboundBuffer, SendCapacity, SendKind};
use super::{Cause, ClientId, ClientInfo, HostClose};
use crate::budget::{Budget, STEP, Share};
use crate::log_rate::{Line, LogRate};
use crate::metrics::ActorMetrics;

/// The maximum length of a client's attachment, in bytes. An attachment is meant for a name, a session or a few
/// settings. Together with the limit on clients, this limits the memory of all attachments.
const MAX_ATTACHMENT: usize = 16 << 10;

/// Limits the log lines about clients that are closed to make room.
static NO_ROOM: LogRate = LogRate::new();

/// Limits the log lines about clients that are closed because they do not read their output.
static SLOW: LogRate = LogRate::new();

/// A client while it is connected.
#[derive(Debug)]
pub(crate) struct Client {
    id: ClientId,
    info: ClientInfo,
    on_full: OnFull,
    /// The outbound buffer. Any thread may send, close or abort: [`enqueue`](Self::enqueue),
    /// [`begin_closing`](Self::begin_closing) and [`abort`](Self::abort) lock the buffer. Any thread may also read, for
    /// example [`is_open`](Self::is_open) and [`buffered`](Self::buffered). Only `expiry.rs` and the client's
    /// connection, which writes the buffer to the socket, may take the guard with [`outbound`](Self::outbound).
    outbound: Mutex<OutboundBuffer>,
    /// The share of the memory budget for output that waits to be written.
    output_share: Share,
    /// The share of the memory budget for input that has not been handled yet.
    input_share: Share,
    attachment: Mutex<Option<Box<[u8]>>>,
    is_disconnected: AtomicBool,
    metrics: ActorMetrics,
}

/// The error for an attachment that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttachmentTooLong;

/// Why a client could not be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CloseError {
    #[error("the client is closing or closed")]
    Closed,
    #[error(transparent)]
    Frame(#[from] CloseFrameError),
}

impl Client {
    /// Creates a client whose outbound buffer holds at most `max_outbound` bytes. If less of the budget is free, the
    /// buffer holds less.
    pub(crate) fn new(
        id: ClientId,
        info: ClientInfo,
        max_outbound: usize,
        on_full: OnFull,
        budget: &Arc<Budget>,
        metrics: ActorMetrics,
    ) -> Self {
        let mut frames = match info.version {
            Version::Draft00 => Outbound::draft00(max_outbound),
            Version::Draft07 | Version::Draft08 | Version::Rfc6455 => match info.role() {
                Role::Server => Outbound::server(max_outbound),
                // RFC 6455 §5.3: the key of each frame must be unpredictable.
                Role::Client => Outbound::client(max_outbound, Box::new(rand::random)),
            },
        };
        if let Some(deflate) = &info.deflate {
            frames.use_deflate(deflate);
        }
        let outbound = OutboundBuffer::new(frames);
        let (output_share, input_share) = (Share::new(budget), Share::new(budget));
        let (outbound, attachment) = (Mutex::new(outbound), Mutex::new(None));
        let is_disconnected = AtomicBool::new(false);
        Self {
            id,
            info,
            on_full,
            outbound,
            output_share,
            input_share,
            attachment,
            is_disconnected,
            metrics,
        }
    }

    /// Counts the client's messages from now on, for the access log.
    pub(crate) fn keep_totals(&self, since: Instant) {
        self.outbound.lock().traffic.keep_totals(since);
    }

    pub(crate) fn id(&self) -> ClientId {
        self.id
    }

    pub(crate) fn info(&self) -> &ClientInfo {
        &self.info
    }

    /// Returns the metrics of the client's actor.
    #[inline(always)]
    pub(crate) fn metrics(&self) -> &ActorMetrics {
        &self.metrics
    }

    pub(crate) fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.enqueue(SendKind::Message(text.len()), |frames| frames.send_text(text))
    }

    pub(crate) fn send_binary(&self, bytes: &[u8]) -> Result<(), SendError> {
        self.enqueue(SendKind::Message(bytes.len()), |frames| frames.send_binary(bytes))
    }

    pub(crate) fn send_text_with(&self, text: &str, form: Form) -> Result<(), SendError> {
        self.enqueue(SendKind::Message(text.len()), |frames| frames.send_text_with(text, form))
    }

    pub(crate) fn send_binary_with(&self, bytes: &[u8], form: Form) -> Result<(), SendError> {
        let kind = SendKind::Message(bytes.len());
        self.enqueue(kind, |frames| frames.send_binary_with(bytes, form))
    }

    pub(crate) fn send_shared(&self, message: &SharedMessage) -> Result<(), SendError> {
        message.attach(|bytes| Share::of(self.output_share.budget(), bytes));
        let kind = SendKind::Message(message.payload_length());
        self.enqueue(kind, |frames| frames.send_shared(message))
    }

    pub(crate) fn ping(&self, payload: &[u8]) -> Result<(), SendError> {
        self.enqueue(SendKind::Control, |frames| frames.ping(payload))
    }

    pub(crate) fn pong(&self, payload: &[u8]) -> Result<(), SendError> {
        self.enqueue(SendKind::Control, |frames| frames.pong(payload))
    }

    /// Begins the closing handshake with the handler's code and reason.
    pub(crate) fn close(&self, code: u16, reason: &str) -> Result<(), CloseError> {
        let frame = CloseFrame::new(code, reason)?;
        self.begin_closing(&frame, Cause::Handler).map_err(|_| CloseError::Closed)
    }

    /// Begins the closing handshake with the given frame, unless the handshake has already begun.
    pub(crate) fn close_with(&self, frame: &CloseFrame, cause: Cause) {
        // This fails only if the client is already closing.
        let _ = self.begin_closing(frame, cause);
    }

    /// Begins the closing handshake on behalf of the host, unless it has already begun. Returns whether this call began
    /// it.
    pub(crate) fn close_by_host(&self, close: HostClose<'_>) -> bool {
        let frame = CloseFrame::with_reason(close.code(), close.reason());
        self.begin_closing(&frame, close.cause()).is_ok()
    }

    fn begin_closing(&self, frame: &CloseFrame, cause: Cause) -> Result<(), SendError> {
        let mut outbound = self.outbound.lock();
        if outbound.is_aborted() {
            return Err(SendError::Closed);
        }
        outbound.close(frame, cause)?;
        self.charge_output(&outbound);
        outbound.wake();
        Ok(())
    }

    /// Returns the cause that this side has set, if there is one. It takes precedence over a cause that the connection
    /// observes.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.outbound.lock().cause()
    }

    /// Closes the client because the host has no memory for the client's data.
    pub(crate) fn close_to_make_room(&self) {
        if !self.is_open() {
            return;
        }
        let (resource, held) = (&self.info.resource, self.held());
        if let Some(Line { left_out }) = NO_ROOM.line(Instant::now()) {
            tracing::warn!(
                resource = &**resource,
                client = self.id.0,
                connection = self.info.connection.0,
                held,
                left_out,
                "closed a client to make room: too little of max-buffered is free"
            );
        }
        self.metrics.resource.closed_for_room.increment();
        self.close_by_host(HostClose::NoRoom);
    }

    /// Closes the client because it reads too slowly.
    fn close_as_slow(&self) {
        if !self.close_by_host(HostClose::Slow) {
            return;
        }
        let resource = &self.info.resource;
        if let Some(Line { left_out }) = SLOW.line(Instant::now()) {
            tracing::warn!(
                resource = &**resource,
                client = self.id.0,
                connection = self.info.connection.0,
                left_out,
                "closed a client: its outbound buffer is full (on-full = \"close\")"
            );
        }
        self.metrics.resource.closed_for_slowness.increment();
    }

    /// Drops the connection without a closing handshake, and discards all output that waits to be written.
    pub(crate) fn abort(&self, cause: Cause) -> Result<(), SendError> {
        let mut outbound = self.outbound.lock();
        outbound.abort(cause)?;
        self.charge_output(&outbound);
        outbound.wake();
        Ok(())
    }

    /// Returns whether messages can be sent to the client. If not, sending fails with `closed`.
    pub(crate) fn is_open(&self) -> bool {
        self.outbound.lock().is_open()
    }

    /// Marks the connection as ended.
    pub(crate) fn mark_disconnected(&self) {
        self.is_disconnected.store(true, Ordering::Relaxed);
    }

    /// Returns whether the connection has ended. If so, no table may contain the client any more.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.is_disconnected.load(Ordering::Relaxed)
    }

    /// Replaces the attachment that is kept for the handler.
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

    /// Updates the metrics with the messages since the last call. Must be called before each write.
    #[inline(always)]
    pub(crate) fn count_traffic(&self, outbound: &mut OutboundBuffer) {
        outbound.traffic.flush(&self.metrics.worker);
    }

    /// Returns the number of bytes that wait to be written.
    pub(crate) fn buffered(&self) -> usize {
        bytes::Buf::remaining(&self.outbound.lock().frames)
    }

    /// Returns the number of bytes that are held for the client. They are waiting to be written, or were received and
    /// not handled yet.
    pub(crate) fn held(&self) -> usize {
        self.buffered() + self.input_share.bytes()
    }

    /// Returns the share of the memory budget for input that has not been handled yet. Only the client's connection may
    /// change it.
    pub(crate) fn input_share(&self) -> &Share {
        &self.input_share
    }

    /// Charges the output that is still waiting to be written. Must be called after each write.
    #[inline]
    pub(crate) fn charge_waiting(&self, outbound: &mut OutboundBuffer) {
        let waiting = bytes::Buf::remaining(&outbound.frames);
        outbound.traffic.set_waiting(waiting, &self.metrics.worker);
        self.charge_output(outbound);
    }

    #[inline]
    pub(super) fn charge_output(&self, outbound: &OutboundBuffer) {
        self.output_share.report(outbound.frames.own());
    }

    /// Returns whether the client's input is paused, because too much output is waiting for the client. The limit is the
    /// smaller of the high-water mark and half of the host's remaining memory. The other half is for replies to input
    /// that was already read.
    #[inline]
    pub(crate) fn is_input_paused(
        &self,
        outbound: &OutboundBuffer,
        high_water_mark: usize,
    ) -> bool {
        let waiting = bytes::Buf::remaining(&outbound.frames);
        waiting > high_water_mark || !self.output_share.admits(2 * waiting)
    }

    /// Returns whether there is capacity again after a refused send. Must be called after a write, with the same
    /// high-water mark as [`is_input_paused`](Self::is_input_paused).
    #[inline]
    pub(crate) fn send_capacity(
        &self,
        outbound: &OutboundBuffer,
        high_water_mark: usize,
    ) -> SendCapacity {
        let Some(wanted) = outbound.refused() else { return SendCapacity::Available };
        let waiting = bytes::Buf::remaining(&outbound.frames);
        if outbound.is_aborted() || outbound.frames.is_closing() {
            SendCapacity::Available
        } else if self.is_input_paused(outbound, high_water_mark)
            || !self.output_share.admits(waiting + wanted)
        {
            SendCapacity::Exhausted
        } else {
            SendCapacity::Restored
        }
    }

    /// Returns whether there is capacity again after a refused send. If so, forgets the refusal.
    pub(crate) fn take_restored_capacity(&self, high_water_mark: usize) -> bool {
        let mut outbound = self.outbound.lock();
        let is_restored = self.send_capacity(&outbound, high_water_mark) == SendCapacity::Restored;
        if is_restored {
            outbound.clear_refused();
        }
        is_restored
    }

    /// Locks the outbound buffer. Only the client's connection and `expiry.rs` may use this.
    pub(crate) fn outbound(&self) -> MutexGuard<'_, OutboundBuffer> {
        self.outbound.lock()
    }

    #[inline]
    fn enqueue<T>(
        &self,
        kind: SendKind,
        send: impl FnOnce(&mut Outbound) -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let bytes = match kind {
            SendKind::Message(bytes) => bytes,
            SendKind::Control => 0,
        };
        let mut outbound = self.outbound.lock();
        if outbound.is_aborted() {
            return Err(SendError::Closed);
        }
        let waiting = bytes::Buf::remaining(&outbound.frames) + bytes;
        let is_counted = waiting >= STEP;
        if is_counted
            && bytes > 0
            && !outbound.frames.is_closing()
            && !self.output_share.admits(waiting)
        {
            return Err(self.refuse(outbound, kind, LimitReached::Budget));
        }
        let value = match send(&mut outbound.frames) {
            Ok(value) => value,
            Err(SendError::Full) => {
                return Err(self.refuse(outbound, kind, LimitReached::Outbound));
            }
            Err(error) => return Err(error),
        };
        if let SendKind::Message(bytes) = kind {
            outbound.traffic.sent(bytes);
        }
        if is_counted {
            self.charge_output(&outbound);
        }
        outbound.wake();
        Ok(value)
    }

    /// Records that a send was refused, and closes the client if `on-full` is `"close"`.
    #[cold]
    fn refuse(
        &self,
        mut outbound: MutexGuard<'_, OutboundBuffer>,
        kind: SendKind,
        reached: LimitReached,
    ) -> SendError {
        let wanted = match (kind, reached) {
            (SendKind::Message(bytes), LimitReached::Budget) => bytes,
            _ => 0,
        };
        if wanted > outbound.frames.limit() {
            return SendError::TooLong;
        }
        outbound.refuse(wanted);
        drop(outbound);
        if let SendKind::Message(_) = kind {
            self.metrics.resource.refused_sends.count(reached.as_str());
        }
        match (self.on_full, kind, reached) {
            (OnFull::Close, SendKind::Message(_), LimitReached::Outbound) => self.close_as_slow(),
            (OnFull::Close, SendKind::Message(_), LimitReached::Budget) => {
                self.close_to_make_room()
            }
            _ => {}
        }
        SendError::Full
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let traffic = &mut self.outbound.get_mut().traffic;
        traffic.flush(&self.metrics.worker);
        traffic.set_waiting(0, &self.metrics.worker);
    }
}
