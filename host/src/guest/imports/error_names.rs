//! The names of the errors that a guest gets. They are part of the contract, and `wit/` says what each of them means.

use ws_host_protocol::{CloseFrameError, SendError};

use crate::clients::{AttachmentTooLong, CloseError};
use crate::keyvalue::StoreError;
use crate::timers::TooManyTimers;
use crate::topics::{SubscribeError, TagError};

/// An error that an import may return to the guest.
pub(super) trait ErrorName {
    /// Returns the error's name in the contract with handlers.
    fn as_str(&self) -> &'static str;
}

impl ErrorName for SendError {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooLong => "too-long",
            Self::Unsupported => "unsupported",
            _ => "closed",
        }
    }
}

impl ErrorName for CloseError {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Frame(CloseFrameError::Code(_)) => "invalid-code",
            Self::Frame(_) => "reason-too-long",
        }
    }
}

impl ErrorName for AttachmentTooLong {
    fn as_str(&self) -> &'static str {
        "too-long"
    }
}

impl ErrorName for TooManyTimers {
    fn as_str(&self) -> &'static str {
        "too-many"
    }
}

impl ErrorName for StoreError {
    fn as_str(&self) -> &'static str {
        match self {
            Self::FullOfBytes(_) | Self::FullOfKeys(_) => "full",
            Self::TooLong(_) => "too-long",
            Self::TooMany(_) | Self::NotANumber(_) | Self::Unavailable(_) => "unavailable",
        }
    }
}

impl ErrorName for TagError {
    fn as_str(&self) -> &'static str {
        Self::as_str(*self)
    }
}

impl ErrorName for SubscribeError {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::InvalidTopic => "invalid-topic",
            Self::TooMany => "too-many",
        }
    }
}

/// Converts a result to the type that the guest gets.
pub(super) fn outcome<E: ErrorName>(result: Result<(), E>) -> super::Outcome {
    (result.map_err(|error| error.as_str()),)
}
