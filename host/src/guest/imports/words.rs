//! The words in which a guest hears of errors. They are part of the contract: `wit/` says what each means.

use ws_host_protocol::{CloseFrameError, SendError};

use crate::clients::{AttachmentTooLong, CloseError};
use crate::timers::TooManyTimers;
use crate::topics::{SubscribeError, TagError};

/// An error that a guest may hear of.
pub(super) trait Word {
    fn word(&self) -> &'static str;
}

impl Word for SendError {
    fn word(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooLong => "too-long",
            Self::Unsupported => "unsupported",
            _ => "closed",
        }
    }
}

impl Word for CloseError {
    fn word(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Frame(CloseFrameError::Code(_)) => "invalid-code",
            Self::Frame(CloseFrameError::ReasonTooLong(_)) => "reason-too-long",
        }
    }
}

impl Word for AttachmentTooLong {
    fn word(&self) -> &'static str {
        "too-long"
    }
}

impl Word for TooManyTimers {
    fn word(&self) -> &'static str {
        "too-many"
    }
}

impl Word for TagError {
    fn word(&self) -> &'static str {
        (*self).as_str()
    }
}

impl Word for SubscribeError {
    fn word(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::InvalidTopic => "invalid-topic",
            Self::TooMany => "too-many",
        }
    }
}

/// What the guest hears.
pub(super) fn done<E: Word>(result: Result<(), E>) -> super::Done {
    (result.map_err(|error| error.word()),)
}
