//! Reports errors that a handler did not handle itself.

use std::fmt::Display;

use crate::sys::log as host;
use crate::{Client, CloseCode, Error};

/// The environment variable that a host sets in development mode (`--dev`).
const DEVELOPMENT: &str = "WS_HOST_DEV";

/// The maximum length of a close reason, in bytes.
const MAX_REASON: usize = 123;

/// Writes the error to the log, and closes the client.
pub(crate) fn client(client: Client, error: &Error) {
    #[cfg(feature = "json")]
    if let Some(mistake) = error.downcast_ref::<crate::InvalidJson>() {
        return invalid_message(client, mistake);
    }
    to_log(&client, error);
    let mut reason = match std::env::var_os(DEVELOPMENT) {
        Some(_) => format!("{error:#}"),
        None => "the handler failed".to_owned(),
    };
    truncate(&mut reason);
    // This fails only if the client is already closing.
    let _ = client.close(CloseCode::InternalError, &reason);
}

/// Closes a client whose message the handler cannot read.
#[cfg(feature = "json")]
fn invalid_message(client: Client, mistake: &dyn std::error::Error) {
    let mut reason = mistake.to_string();
    host::write("info", &format!("{client}: {reason}"));
    truncate(&mut reason);
    let _ = client.close(CloseCode::InconsistentType, &reason);
}

fn truncate(reason: &mut String) {
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
}

pub(crate) fn to_log(event_of: &dyn Display, error: &Error) {
    host::write("error", &format!("{event_of}: {error:#}"));
}
