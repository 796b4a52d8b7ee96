//! What a handler can ask while one of its events runs.

use std::sync::Arc;

/// Why an instance is asked for its state, or given one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// New code takes over.
    Reload,
    /// An instance is put to sleep, or woken.
    Hibernation,
    /// The instance goes on, and the state is kept in case it traps.
    Checkpoint,
    /// The instance before this one trapped or exceeded a limit.
    Fault,
    /// Old code comes back in place of new code that failed.
    Rollback,
}

impl Reason {
    /// The word that handlers know it by.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Hibernation => "hibernation",
            Self::Checkpoint => "checkpoint",
            Self::Fault => "fault",
            Self::Rollback => "rollback",
        }
    }
}

/// What is known of a message from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CustomInfo {
    /// Of what kind it is, as whoever sent it says.
    pub(crate) kind: Option<Arc<str>>,
    /// Who sent it.
    pub(crate) sender: Option<Arc<str>>,
}
