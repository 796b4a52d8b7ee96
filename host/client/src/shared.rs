//! The state that the handles and the task of a connection share.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Waker};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, SetOnce};
use ws_host_protocol::{CloseCode, CloseFrame};

use crate::end::{End, EndCause};
use crate::error::{ConnectError, SendError};
use crate::handshake::Opened;
use crate::options::Options;
use crate::outgoing::{Completion, Frame, Outgoing};

/// The state of a connection (RFC 6455 §4.1, §7.1). There will be no other states: these are the four that a
/// `WebSocket` has in browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The connection is not open yet. Messages wait until it is open.
    Connecting,
    /// Messages can be sent and received.
    Open,
    /// The closing handshake has begun. Nothing more is sent, but messages may still arrive.
    Closing,
    /// The connection has ended, or could not be opened.
    Closed,
}

/// The shared state of one connection.
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    /// Notified when the last handle is dropped.
    abandoned: Notify,
    pub(crate) opened: SetOnce<Result<Opened, ConnectError>>,
    pub(crate) ended: SetOnce<End>,
}

/// The part of [`Shared`] that its lock guards.
pub(crate) struct Inner {
    pub(crate) outgoing: Outgoing,
    phase: Phase,
    is_abandoned: bool,
    task: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Open,
    Ended,
}

/// Keeps a connection open, and closes it when dropped. All clients and `Messages` share one handle in an `Arc`.
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Shared {
    pub(crate) fn new(options: &Options) -> Self {
        // §5.3: masking keys must come from a strong source of entropy. This source is cryptographic.
        let mask_keys = Box::new(rand::random);
        Self {
            inner: Mutex::new(Inner {
                outgoing: Outgoing::new(options.max_outbound, mask_keys),
                phase: Phase::Connecting,
                is_abandoned: false,
                task: None,
            }),
            abandoned: Notify::new(),
            opened: SetOnce::new(),
            ended: SetOnce::new(),
        }
    }

    pub(crate) fn state(&self) -> State {
        let inner = self.inner.lock();
        match inner.phase {
            Phase::Ended => State::Closed,
            _ if inner.outgoing.is_closing() => State::Closing,
            Phase::Connecting => State::Connecting,
            Phase::Open => State::Open,
        }
    }

    /// Queues a frame and wakes the task to write it.
    pub(crate) fn send(&self, frame: Frame<'_>, completion: Completion) -> Result<(), SendError> {
        let mut inner = self.inner.lock();
        inner.outgoing.send(frame, completion)?;
        inner.wake();
        Ok(())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Marks the connection as open, after the handshake.
    pub(crate) fn open(&self, opened: Opened) {
        let mut inner = self.inner.lock();
        inner.phase = Phase::Open;
        if let Some(agreed) = &opened.compression {
            inner.outgoing.use_deflate(agreed);
        }
        if inner.is_abandoned {
            inner.go_away();
        }
        drop(inner);
        // This cannot fail, because only the task sets the value, and only once.
        let _ = self.opened.set(Ok(opened));
    }

    /// Marks the connection as ended, whether or not it ever opened.
    pub(crate) fn finish(&self, error: Option<ConnectError>, how: &EndCause) {
        let mut inner = self.inner.lock();
        inner.phase = Phase::Ended;
        inner.outgoing.discard();
        let sent = inner.outgoing.close_code();
        drop(inner);
        let end = match &error {
            Some(error) => End::abnormal(error.to_string()),
            None => how.end(sent),
        };
        // This fails if the connection ever opened, because `open` has already set the value.
        let _ = self.opened.set(Err(error.unwrap_or(ConnectError::Abandoned)));
        let _ = self.ended.set(end);
    }

    /// Waits until the last handle is dropped.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn abandoned(&self) {
        self.abandoned.notified().await;
    }

    fn abandon(&self) {
        let mut inner = self.inner.lock();
        inner.is_abandoned = true;
        if inner.phase == Phase::Open {
            inner.go_away();
        }
        drop(inner);
        self.abandoned.notify_one();
    }
}

impl Inner {
    /// Registers the task to be woken when there is more output.
    pub(crate) fn sleep(&mut self, context: &Context<'_>) {
        match &mut self.task {
            Some(task) if task.will_wake(context.waker()) => {}
            task => *task = Some(context.waker().clone()),
        }
    }

    /// Closes with 1001, the code of an endpoint that goes away (§7.4.1).
    fn go_away(&mut self) {
        let frame = CloseFrame::with_reason(CloseCode::GOING_AWAY, "");
        // This fails only if the connection is already closing.
        let _ = self.outgoing.send(Frame::Close(&frame), Completion::Ignored);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state()).finish_non_exhaustive()
    }
}
