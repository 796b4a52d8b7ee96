//! Futures that tell what became of something sent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::SendError;

/// A message on its way: resolves when its octets were handed to the socket.
///
/// # Cancel safety
///
/// A message that is in the outbound buffer is sent whether or not this is dropped. One that found
/// no room there waits in here: dropped, it is not sent at all. Never is a part of a message sent.
#[derive(Debug)]
#[must_use = "a message that finds no room in the outbound buffer is not sent if this is dropped"]
pub struct Sending(pub(crate) Answer<()>);

impl Sending {
    /// Why it is known already that it is not sent.
    pub(crate) fn refused(&self) -> Option<SendError> {
        match self.0 {
            Answer::Refused(error) => Some(error),
            Answer::Awaited(_) => None,
        }
    }
}

impl Future for Sending {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

/// A ping on its way: resolves to the time from handing it to the socket until its pong came.
///
/// # Cancel safety
///
/// As for [`Sending`]. The pong of a ping whose future was dropped may be reported as
/// [`Received::Pong`](crate::Received::Pong).
#[derive(Debug)]
#[must_use = "the round-trip time comes out of this future"]
pub struct Pinging(pub(crate) Answer<Duration>);

impl Future for Pinging {
    type Output = Result<Duration, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

/// What the connection's task will say, or what was known at once.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// The sender is dropped when the connection ends before.
    Awaited(oneshot::Receiver<T>),
    Refused(SendError),
}

impl<T> Answer<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<T, SendError>> {
        match self {
            Self::Awaited(receiver) => {
                Pin::new(receiver).poll(context).map_err(|_| SendError::Closed)
            }
            Self::Refused(error) => Poll::Ready(Err(*error)),
        }
    }
}
