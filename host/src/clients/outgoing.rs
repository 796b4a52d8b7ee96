//! The outbound side of a client, as its connection and those who send to it share it.

use std::task::{Context, Waker};

use ws_host_protocol::{CloseFrame, Outbound, SendError};

use super::Cause;
use super::expiry::Expiry;

/// What waits to be written, and whom to wake for it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) outbound: Outbound,
    aborted: bool,
    /// What ends the connection, once that is so, unless it is the client itself.
    cause: Option<Cause>,
    /// Something was refused since there was room last. If it was not the buffer that was full, but the host, so many
    /// octets are wanted.
    refused: Option<usize>,
    /// When the client must have proved itself again, if it must.
    pub(super) expiry: Option<Box<Expiry>>,
    /// Whether its connection does not know of that yet.
    pub(super) has_new_expiry: bool,
    /// The connection's task.
    task: Option<Waker>,
    /// Whether the task wants to be woken for output. While it is awake it looks by itself.
    is_asleep: bool,
}

/// What becomes of a client to which a message cannot be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFull {
    /// It stays, without the message.
    Drop,
    /// It is closed.
    Close,
}

/// Whether there is room for what is sent to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendCapacity {
    /// Nothing was refused.
    Available,
    /// Something was refused.
    Exhausted,
    /// Something was refused, and half of the outbound buffer is free again.
    Restored,
}

/// Where there was no room for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitReached {
    /// In the client's outbound buffer.
    Outbound,
    /// In the host.
    Budget,
}

/// What is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendKind {
    /// A message of so many octets.
    Message(usize),
    Control,
}

impl Outgoing {
    pub(super) fn new(outbound: Outbound) -> Self {
        Self {
            outbound,
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
        self.outbound.close(Some(frame))?;
        self.cause.get_or_insert(cause);
        Ok(())
    }

    /// Drops what waits. The connection is next.
    pub(super) fn abort(&mut self, cause: Cause) -> Result<(), SendError> {
        if std::mem::replace(&mut self.aborted, true) {
            return Err(SendError::Closed);
        }
        self.cause.get_or_insert(cause);
        self.outbound.discard();
        Ok(())
    }

    /// What ended the connection first, if that was done on this side.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Something finds no room. If it is the host that is full, so many octets are wanted of it.
    pub(super) fn refuse(&mut self, wanted: usize) {
        match &mut self.refused {
            Some(most) => *most = wanted.max(*most),
            none => {
                *none = Some(wanted);
                // Where it is others that fill the host, nothing may wait to be written to this client.
                self.wake();
            }
        }
    }

    /// What was refused, in octets that are wanted of the host.
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

    /// Whether a message to the client would not answer `closed`.
    pub(super) fn is_open(&self) -> bool {
        !self.aborted && !self.outbound.is_closing()
    }

    /// Whether the client has been given another time since this was asked.
    pub(crate) fn take_new_expiry(&mut self) -> bool {
        std::mem::take(&mut self.has_new_expiry)
    }

    /// The connection's task is awake: it will look for output before it sleeps again.
    #[inline]
    pub(crate) fn awake(&mut self) {
        self.is_asleep = false;
    }

    /// The connection's task goes to sleep and wants to be woken for output.
    #[inline]
    pub(crate) fn sleep(&mut self, context: &Context<'_>) {
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
