//! Errors of handlers.

use std::error::Error as StdError;
use std::fmt;

use crate::bindings::ws_host::socket::types;

/// What the functions of a handler answer.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Any error: what `?` makes of one in a handler.
///
/// What becomes of it is up to [`Handler::failed`](crate::Handler::failed): unless you define that, the
/// host's log gets it with all its causes, and the client whose event it was is closed with 1011.
pub struct Error(Box<dyn StdError>);

impl Error {
    /// An error of nothing but words.
    pub fn msg(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }
}

impl<E: StdError + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// The error; with `{:#}` its causes too.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source().filter(|_| f.alternate());
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

/// Why a message was not sent. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The client is closing, closed, or not a client of this instance.
    Closed,
    /// The client has not yet read what was sent before; there will be room when it has.
    Full,
    /// It is longer than the whole outbound buffer, or a ping of more than 125 octets.
    TooLong,
    /// The client speaks a draft of the protocol without binary messages and pings.
    Unsupported,
    /// Frames of no octets.
    InvalidFrameSize,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the client is closed",
            Self::Full => "the client's outbound buffer is full",
            Self::TooLong => "the message is too long to be sent at all",
            Self::Unsupported => "the client's draft of the protocol has no such messages",
            Self::InvalidFrameSize => "frames of no octets",
        })
    }
}

impl StdError for SendError {}

impl From<types::SendError> for SendError {
    fn from(error: types::SendError) -> Self {
        match error {
            types::SendError::Closed => Self::Closed,
            types::SendError::Full => Self::Full,
            types::SendError::TooLong => Self::TooLong,
            types::SendError::Unsupported => Self::Unsupported,
            types::SendError::InvalidFrameSize => Self::InvalidFrameSize,
        }
    }
}

/// Why nothing was attached to a client. What was there before is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachmentError {
    /// The client is closed, or not a client of this instance.
    Closed,
    /// More than 16 KiB.
    TooLong,
}

impl fmt::Display for AttachmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the client is closed",
            Self::TooLong => "an attachment has 16 KiB at most",
        })
    }
}

impl StdError for AttachmentError {}

impl From<types::AttachmentError> for AttachmentError {
    fn from(error: types::AttachmentError) -> Self {
        match error {
            types::AttachmentError::Closed => Self::Closed,
            types::AttachmentError::TooLong => Self::TooLong,
        }
    }
}
