//! What a handler can ask about the event that it is handling.

use std::sync::Arc;

/// Why an instance is asked for its state, or gets a saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// New code takes over.
    Reload,
    /// An instance is freed and its state saved, or a new instance gets the saved state.
    Hibernation,
    /// The instance keeps running; the state is saved in case it traps.
    Checkpoint,
    /// The previous instance trapped or exceeded a limit.
    Fault,
    /// The old code replaces new code that failed.
    Rollback,
}

impl Reason {
    /// Returns its name in the contract with handlers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Hibernation => "hibernation",
            Self::Checkpoint => "checkpoint",
            Self::Fault => "fault",
            Self::Rollback => "rollback",
        }
    }
}

/// What is known about a custom message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CustomInfo {
    /// The kind of the message, as its sender declared it.
    pub(crate) kind: Option<Arc<str>>,
    /// The sender's name.
    pub(crate) sender: Option<Arc<str>>,
}
