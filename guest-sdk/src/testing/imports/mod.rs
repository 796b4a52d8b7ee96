//! The functions that a handler may call. They act on the host whose event is running.

pub(crate) mod buckets;
pub(crate) mod clients;
pub(crate) mod expiry;
pub(crate) mod handshake;
mod options;
pub(crate) mod outgoing;
pub(crate) mod requests;
mod small;
pub(crate) mod tags;
pub(crate) mod topics;

pub(super) use self::options::Chosen;
pub(crate) use self::options::SendOptions;
pub(crate) use self::outgoing::ConnectOptions;
pub(crate) use self::small::{config, custom, disconnection, log, state, timers};

/// The result that most functions return: nothing, or the word for an error.
type Outcome = Result<(), String>;

/// Returns the word for an error, as a string.
fn word(error: &str) -> String {
    error.to_owned()
}

/// Returns whether a topic or a tag may have this name.
fn is_valid_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
}

/// Checks the code (RFC 6455 §7.4) and the reason of a close frame.
fn check_close(code: u16, reason: &str) -> Outcome {
    if reason.len() > 123 {
        return Err(word("reason-too-long"));
    }
    match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(()),
        _ => Err(word("invalid-code")),
    }
}
