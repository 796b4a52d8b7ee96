//! Futures that resolve to the outcome of a send.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::SendError;

/// A message that is being sent. Resolves when all its bytes have been handed to the socket.
///
/// # Cancel safety
///
/// A message that is already in the outbound buffer is sent even if this future is dropped. A message that found no
/// room there waits in this future, and is not sent if the future is dropped. A message is never sent in part.
#[derive(Debug)]
#[must_use = "a message that finds no room in the outbound buffer is not sent if this is dropped"]
pub struct Sending(pub(crate) Outcome<()>);

impl Sending {
    /// Returns the error if the message was refused immediately.
    pub(crate) fn refused(&self) -> Option<SendError> {
        match self.0 {
            Outcome::Refused(error) => Some(error),
            Outcome::Awaited(_) => None,
        }
    }
}

impl Future for Sending {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

/// A ping that is being sent. Resolves to the time from handing the ping to the socket until its pong arrived.
///
/// # Cancel safety
///
/// The same rules apply as for [`Sending`]. If the future is dropped, the pong may be reported as
/// [`Received::Pong`](crate::Received::Pong).
#[derive(Debug)]
#[must_use = "the future resolves to the round-trip time"]
pub struct Pinging(pub(crate) Outcome<Duration>);

impl Future for Pinging {
    type Output = Result<Duration, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

/// The outcome of a send.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    /// The connection task will report the outcome. If the connection ends first, the channel is closed.
    Awaited(oneshot::Receiver<T>),
    /// The frame was refused immediately.
    Refused(SendError),
}

impl<T> Outcome<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<T, SendError>> {
        match self {
            Self::Awaited(receiver) => {
                Pin::new(receiver).poll(context).map_err(|_| SendError::Closed)
            }
            Self::Refused(error) => Poll::Ready(Err(*error)),
        }
    }
}
