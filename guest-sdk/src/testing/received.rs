//! What a client receives.

use std::fmt;

use crate::CloseCode;

/// A message, a ping or a pong that a client received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping that the handler sent.
    Ping(Vec<u8>),
    /// An unsolicited pong that the handler sent.
    Pong(Vec<u8>),
}

impl Received {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes,
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "the text {text:?}"),
            Self::Binary(bytes) => write!(f, "the binary message {bytes:?}"),
            Self::Ping(bytes) => write!(f, "a ping with {bytes:?}"),
            Self::Pong(bytes) => write!(f, "a pong with {bytes:?}"),
        }
    }
}

/// How a connection ended for its client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The code of the close frame. It is 1006 if the connection was dropped without a close frame.
    pub code: CloseCode,
    /// The reason in the close frame.
    pub reason: String,
}

impl Closed {
    pub(super) fn without_frame() -> Self {
        Self { code: CloseCode::Other(1006), reason: String::new() }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closed with {} and the reason {:?}", u16::from(self.code), self.reason)
    }
}
