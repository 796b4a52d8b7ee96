//! What a handler can ask about the event that it is handling.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::imports::HandshakeResponse;
use super::instance::Disconnection;
use crate::clients::{Client, ClientId};

/// What a handler can ask about the running call, or can set during it. Only some calls have anything of this kind. The
/// long variants are boxed, because every instance keeps a value of this type.
#[derive(Debug, Default)]
pub(super) enum CallInfo {
    #[default]
    None,
    /// While `connected` runs: the client, and the response to its handshake so far.
    Connected(Box<(ClientId, HandshakeResponse)>),
    /// While `disconnected` runs: the client, and how its connection ended.
    Disconnected(Box<(Arc<Client>, Disconnection)>),
    /// While `received-custom` runs: what is known about the message.
    ReceivedCustom(CustomInfo),
    /// While `suspend` or `resume` runs: the reason for it, and the age of the state, if the state is older than the
    /// last event.
    StateTransfer { reason: Reason, age: Option<Duration> },
}

/// A call into an instance: the one that is running, or the most recent one if none is running. The names are those of
/// the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventName {
    /// The instance is being created, and the component's start-up code runs.
    Start,
    Connected,
    ReceivedText,
    ReceivedBinary,
    ReceivedPong,
    /// A burst from which no message has been taken yet.
    ReceivedBurst,
    Disconnected,
    Fired,
    Drained,
    Expiring,
    Stopping,
    ReceivedCustom,
    Suspend,
    Resume,
}

impl EventName {
    /// Returns the name of the export. For the start-up code, returns `start`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Connected => "connected",
            Self::ReceivedText => "received-text",
            Self::ReceivedBinary => "received-binary",
            Self::ReceivedPong => "received-pong",
            Self::ReceivedBurst => "received-burst",
            Self::Disconnected => "disconnected",
            Self::Fired => "fired",
            Self::Drained => "drained",
            Self::Expiring => "expiring",
            Self::Stopping => "stopping",
            Self::ReceivedCustom => "received-custom",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an instance is asked for its state, or is given a saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// New code takes over.
    Reload,
    /// An instance saves its state and is freed, or a new instance gets the saved state.
    Hibernation,
    /// The instance keeps running. Its state is saved in case it traps later.
    Checkpoint,
    /// The previous instance trapped or exceeded a limit.
    Fault,
    /// The old code replaces new code that failed.
    Rollback,
    /// The actor moves to another host of the cluster, or has moved to this host. Its clients do not move with it.
    Takeover,
}

impl Reason {
    /// Returns the reason's name in the contract with handlers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Hibernation => "hibernation",
            Self::Checkpoint => "checkpoint",
            Self::Fault => "fault",
            Self::Rollback => "rollback",
            Self::Takeover => "takeover",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog::EVENTS;

    #[test]
    fn every_event_has_its_place_in_the_metrics() {
        let all = [
            EventName::Start,
            EventName::Connected,
            EventName::ReceivedText,
            EventName::ReceivedBinary,
            EventName::ReceivedPong,
            EventName::ReceivedBurst,
            EventName::Disconnected,
            EventName::Fired,
            EventName::Drained,
            EventName::Expiring,
            EventName::Stopping,
            EventName::ReceivedCustom,
            EventName::Suspend,
            EventName::Resume,
        ];
        assert_eq!(all.map(EventName::as_str), EVENTS);
        for event in all {
            assert_eq!(EVENTS[event as usize], event.as_str());
        }
    }
}
