//! The body of a response, with its limits.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use super::error::RequestError;

/// The body of a response. Until it has been dropped, its request counts towards the limit on concurrent requests.
pub(crate) struct ResponseBody {
    incoming: Incoming,
    /// How many more bytes may come.
    left: u64,
    max_silence: Duration,
    silence: Pin<Box<Sleep>>,
    /// Whether a reader is waiting for more of the body. The time limit runs only during such a wait, because a handler
    /// may read as slowly as it likes.
    is_waiting: bool,
    _permits: [OwnedSemaphorePermit; 2],
}

impl ResponseBody {
    pub(super) fn new(
        incoming: Incoming,
        max_length: u64,
        max_silence: Duration,
        permits: [OwnedSemaphorePermit; 2],
    ) -> Self {
        let silence = Box::pin(sleep(max_silence));
        Self {
            incoming,
            left: max_length,
            max_silence,
            silence,
            is_waiting: false,
            _permits: permits,
        }
    }

    fn check(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, RequestError> {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left = self.left.checked_sub(length).ok_or(RequestError::TooLong)?;
        Ok(frame)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) {
            this.is_waiting = false;
            return Poll::Ready(frame.map(|frame| match frame {
                Ok(frame) => this.check(frame),
                Err(error) => Err(RequestError::connected(&error)),
            }));
        }
        if !std::mem::replace(&mut this.is_waiting, true) {
            this.silence.as_mut().reset(Instant::now() + this.max_silence);
        }
        let is_over = this.silence.as_mut().poll(context);
        is_over.map(|()| Some(Err(RequestError::BetweenBytesTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
