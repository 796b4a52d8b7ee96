//! Whom an error is told that a handler did not deal with.

use std::fmt::Display;

use crate::{Client, CloseCode, Error};

/// Set by a host that runs for who writes the handler.
const DEVELOPMENT: &str = "WS_HOST_DEV";

/// Octets that a close frame has room for beside its code.
const MAX_REASON: usize = 123;

/// Tells the log, and closes the client.
pub(crate) fn client(client: Client, error: &Error) {
    to_log(&client, error);
    let mut reason = match std::env::var_os(DEVELOPMENT) {
        Some(_) => format!("{error:#}"),
        None => "the handler failed".to_owned(),
    };
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    // Fails only if the client is closing already.
    let _ = client.close(CloseCode::InternalError, &reason);
}

#[expect(clippy::print_stderr, reason = "standard error is the host's log")]
pub(crate) fn to_log(event_of: &dyn Display, error: &Error) {
    eprintln!("{event_of}: {error:#}");
}
