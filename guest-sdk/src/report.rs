//! Reporting errors that a handler did not deal with.

use std::fmt::Display;

use crate::{Client, CloseCode, Error};

/// The environment variable that a host sets in development mode (`--dev`).
const DEVELOPMENT: &str = "WS_HOST_DEV";

/// The longest reason of a close frame, in bytes.
const MAX_REASON: usize = 123;

/// Writes the error to the log, and closes the client.
pub(crate) fn client(client: Client, error: &Error) {
    to_log(&client, error);
    let mut reason = match std::env::var_os(DEVELOPMENT) {
        Some(_) => format!("{error:#}"),
        None => "the handler failed".to_owned(),
    };
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    // Fails only if the client is already closing.
    let _ = client.close(CloseCode::InternalError, &reason);
}

#[expect(clippy::print_stderr, reason = "standard error is the host's log")]
pub(crate) fn to_log(event_of: &dyn Display, error: &Error) {
    eprintln!("{event_of}: {error:#}");
}
