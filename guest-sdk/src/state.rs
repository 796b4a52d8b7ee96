//! The reason why a handler hands over or resumes its state, and the age of the state.

use std::time::Duration;

use crate::sys::state as host;
use crate::words::words;

/// Returns the age of the state for [`resume`](crate::Lifecycle::resume), if events may have been lost since the state
/// was produced. There are three such cases. After a trap, the state is the last checkpoint (`--checkpoint`). After a
/// rollback, the state is the one that the old code once handed to the new code (`--trial`). After a takeover from a
/// host that could not hand over, the state is the last one that was saved, and its age counts from the takeover.
/// Returns `None` if the state includes the last event, or if there is no state.
///
/// Works only in `resume`. At any other time it returns `None`.
pub fn state_age() -> Option<Duration> {
    host::age().map(Duration::from_millis)
}

/// Returns why [`suspend`](crate::Lifecycle::suspend) or [`resume`](crate::Lifecycle::resume) is called. At any other
/// time it returns `None`.
pub fn state_reason() -> Option<StateReason> {
    host::reason().map(|word| StateReason::of(&word))
}

words! {
    /// Why a handler must hand over its state, or why it resumes from a state.
    StateReason {
        /// New code takes over.
        Reload = "reload", "new code takes over";
        /// The instance is hibernated, or woken.
        Hibernation = "hibernation", "the instance is hibernated or woken";
        /// The instance continues, and the state is kept in case it traps.
        Checkpoint = "checkpoint", "the state is kept in case of a trap";
        /// The previous instance trapped or exceeded a limit.
        Fault = "fault", "the previous instance trapped";
        /// Old code takes over again, because the new code failed.
        Rollback = "rollback", "the old code returns in place of the new";
        /// The actor moves to another host of a cluster, has moved to this host, or starts again after it has ended.
        /// Its former clients are gone.
        Takeover = "takeover", "the actor moves to another host";
    }
}
