//! The events that result from the peer's bytes.

use std::borrow::Cow;

use crate::close::CloseFrame;
use crate::error::ProtocolError;

/// An event of a connection. It borrows its payload from the input if the input contains the whole payload in one
/// uncompressed frame.
///
/// This enum is exhaustive, because the host of a connection must handle every event. No events will be added, because
/// RFC 6455 §5.2 defines no other frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// A ping. Its pong has been queued, unless this endpoint is closing.
    Ping(Cow<'a, [u8]>),
    /// A pong, solicited or not (RFC 6455 §5.5.3).
    Pong(Cow<'a, [u8]>),
    /// The peer's close frame. `None` if the frame had no code. This endpoint's own close frame has been queued, either
    /// before or as the answer. This is the last event: both endpoints have now closed.
    Closed(Option<CloseFrame>),
    /// The peer broke the protocol. A close frame with the error has been queued. This is the last event.
    Failed(ProtocolError),
}

impl Event<'_> {
    /// Copies a borrowed payload, so that the input can be reused.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Event::Binary(Cow::Owned(bytes.into_owned())),
            Self::Ping(bytes) => Event::Ping(Cow::Owned(bytes.into_owned())),
            Self::Pong(bytes) => Event::Pong(Cow::Owned(bytes.into_owned())),
            Self::Closed(frame) => Event::Closed(frame),
            Self::Failed(error) => Event::Failed(error),
        }
    }
}
