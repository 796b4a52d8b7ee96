//! The data that exists only while an event is running.

use std::time::Duration;

use super::fake_client::End;
use super::handshake::HandshakeResponse;
use crate::StateReason;

#[derive(Default)]
pub(super) struct Event {
    /// While `connected` runs: the client, and the response to its handshake so far.
    pub(super) connecting: Option<(u64, HandshakeResponse)>,
    /// While `disconnected` runs: the client, and how its connection ended.
    pub(super) disconnecting: Option<(u64, End)>,
    /// While `suspend` or `resume` runs: the reason, and the age of the state.
    pub(super) state: Option<Resuming>,
    /// While `received_custom` runs: the kind and the sender of the message.
    pub(super) custom: Option<(Option<String>, String)>,
}

/// Why a state is asked for or given, and how old the state is.
pub(super) struct Resuming {
    pub(super) reason: StateReason,
    pub(super) age: Option<Duration>,
}
