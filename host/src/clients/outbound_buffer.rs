//! The outbound buffer of a client, shared by its connection and the senders.

use std::task::{Context, Waker};

use ws_host_protocol::{CloseFrame, Outbound, SendError};

use super::Cause;
use super::expiry::Expiry;
use crate::metrics::Traffic;

/// The output that waits to be written, and the task that is woken to write it.
#[derive(Debug)]
pub(crate) struct OutboundBuffer {
    /// The frames that wait to be written.
    pub(crate) frames: Outbound,
    pub(crate) traffic: Traffic,
    aborted: bool,
    /// The cause of the connection's end. Set when this side ends the connection.
    cause: Option<Cause>,
    /// Set while a refused send is waiting for capacity. Contains the length of the longest message that did not fit
    /// into the host's memory. Contains 0 if only the outbound buffer was full.
    refused: Option<usize>,
    /// When the client expires, if it does.
    pub(super) expiry: Option<Box<Expiry>>,
    /// Whether there is a new expiry that the connection has not seen yet.
    pub(super) has_new_expiry: bool,
    /// The connection task.
    task: Option<Waker>,
    /// Whether the task must be woken when there is output. A task that is awake finds the output itself.
    is_asleep: bool,
}

/// What happens when a message cannot be sent to a client now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFull {
    /// The message is dropped.
    Drop,
    /// The client is closed.
    Close,
}

/// Whether there is capacity for messages to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendCapacity {
    /// No refused send is waiting for capacity.
    Available,
    /// A send was refused.
    Exhausted,
    /// A send was refused, and would now succeed: half of the outbound buffer is free again.
    Restored,
}

/// The limit that made a send fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitReached {
    /// The size of the client's outbound buffer.
    Outbound,
    /// The memory of the host.
    Budget,
}

impl LimitReached {
    /// Returns the name of the limit, for metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Budget => "memory",
        }
    }
}

/// The kind of thing to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendKind {
    /// A message. Contains its length in bytes.
    Message(usize),
    Control,
}

impl OutboundBuffer {
    pub(super) fn new(frames: Outbound) -> Self {
        Self {
            frames,
            traffic: Traffic::default(),
            aborted: false,
            cause: None,
            refused: None,
            expiry: None,
            has_new_expiry: false,
            task: None,
            is_asleep: false,
        }
    }

    /// Begins the closing handshake.
    pub(super) fn close(&mut self, frame: &CloseFrame, cause: Cause) -> Result<(), SendError> {
        self.frames.close(Some(frame))?;
        self.cause.get_or_insert(cause);
        Ok(())
    }

    /// Drops the waiting output. The connection task then ends the connection.
    pub(super) fn abort(&mut self, cause: Cause) -> Result<(), SendError> {
        if std::mem::replace(&mut self.aborted, true) {
            return Err(SendError::Closed);
        }
        self.cause.get_or_insert(cause);
        self.frames.discard();
        Ok(())
    }

    /// Returns the cause of the connection's end, if this side has ended it.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Records a refused send. If the message did not fit into the host's memory, `wanted` is its length. If the
    /// outbound buffer was full, `wanted` is 0.
    pub(super) fn refuse(&mut self, wanted: usize) {
        match &mut self.refused {
            Some(max) => *max = wanted.max(*max),
            none => {
                *none = Some(wanted);
                // The task must be woken here. If other clients fill the host's memory, this client may have no waiting
                // output, and then nothing else wakes the task.
                self.wake();
            }
        }
    }

    /// Returns the highest `wanted` of the refused sends, if there are any.
    #[inline]
    pub(super) fn refused(&self) -> Option<usize> {
        self.refused
    }

    pub(super) fn clear_refused(&mut self) {
        self.refused = None;
    }

    #[inline]
    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// Returns whether messages can be sent to the client. If not, sending fails with `closed`.
    pub(crate) fn is_open(&self) -> bool {
        !self.aborted && !self.frames.is_closing()
    }

    /// Returns whether the client has got a new expiry since the last call.
    pub(crate) fn take_new_expiry(&mut self) -> bool {
        std::mem::take(&mut self.has_new_expiry)
    }

    /// Records that the connection task is awake. It will check for output before it sleeps again.
    #[inline]
    pub(crate) fn set_awake(&mut self) {
        self.is_asleep = false;
    }

    /// Registers the connection task to be woken for output. Called before the task sleeps.
    #[inline]
    pub(crate) fn register_waker(&mut self, context: &Context<'_>) {
        self.is_asleep = true;
        match &mut self.task {
            Some(task) if task.will_wake(context.waker()) => {}
            task => *task = Some(context.waker().clone()),
        }
    }

    #[inline]
    pub(super) fn wake(&mut self) {
        if std::mem::take(&mut self.is_asleep)
            && let Some(task) = &self.task
        {
            task.wake_by_ref();
        }
    }
}
