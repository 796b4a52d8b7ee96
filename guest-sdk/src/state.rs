//! What is known of the state that a handler resumes.

use std::time::Duration;

use crate::bindings::ws_host::socket::state as host;

/// How long ago the state was given that [`resume`](crate::Handler::resume) has got, if events came since
/// of which it knows nothing: it is the last checkpoint before a trap (`--checkpoint`), or what was handed to
/// code that was rolled back (`--trial`). `None`: it is as the last event left it, or there is none.
///
/// Asked in `resume`; at any other time `None`.
pub fn state_age() -> Option<Duration> {
    host::age().map(Duration::from_millis)
}
