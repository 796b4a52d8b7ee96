//! What is known of the state that a handler gives or takes.

use std::time::Duration;

use crate::bindings::ws_host::socket::state as host;
use crate::words::words;

/// How long ago the state was given that [`resume`](crate::Lifecycle::resume) has got, if events came since
/// of which it knows nothing: it is the last checkpoint before a trap (`--checkpoint`), or what was handed to
/// code that was rolled back (`--trial`). `None`: it is as the last event left it, or there is none.
///
/// Asked in `resume`; at any other time `None`.
pub fn state_age() -> Option<Duration> {
    host::age().map(Duration::from_millis)
}

/// Why [`suspend`](crate::Lifecycle::suspend) or [`resume`](crate::Lifecycle::resume) is called. At any other time
/// `None`.
pub fn state_reason() -> Option<StateReason> {
    host::reason().map(|word| StateReason::of(&word))
}

words! {
    /// Why a handler is asked for its state, or given one.
    StateReason {
        /// New code takes over.
        Reload = "reload", "new code takes over";
        /// The instance is put to sleep, or woken.
        Hibernation = "hibernation", "the instance is put to sleep or woken";
        /// The instance goes on, and the state is kept in case it traps.
        Checkpoint = "checkpoint", "the state is kept in case of a trap";
        /// The instance before this one trapped or exceeded a limit.
        Fault = "fault", "the instance before trapped";
        /// Old code comes back in place of new code that failed.
        Rollback = "rollback", "old code comes back";
    }
}
