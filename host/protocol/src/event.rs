//! What comes of the peer's octets.

use std::borrow::Cow;

use crate::close::CloseFrame;
use crate::error::ProtocolError;

/// What came of the input. Payloads are lent from the input where a message lay there whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// A ping; its pong has been queued, unless we are closing.
    Ping(Cow<'a, [u8]>),
    /// A pong, asked for or not (RFC 6455 §5.5.3).
    Pong(Cow<'a, [u8]>),
    /// The peer's close frame; the answer to it has been queued unless our own was sent before.
    /// The last event: both sides have said that they are done. `None` if it carried no code.
    Closed(Option<CloseFrame>),
    /// The peer broke the protocol; a close frame that says so has been queued. The last event.
    Failed(ProtocolError),
}

impl Event<'_> {
    /// The event with a payload of its own, so that the input can be reused.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
            Self::Binary(octets) => Event::Binary(Cow::Owned(octets.into_owned())),
            Self::Ping(octets) => Event::Ping(Cow::Owned(octets.into_owned())),
            Self::Pong(octets) => Event::Pong(Cow::Owned(octets.into_owned())),
            Self::Closed(frame) => Event::Closed(frame),
            Self::Failed(error) => Event::Failed(error),
        }
    }
}
