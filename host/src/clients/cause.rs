//! The causes of a connection's end.

use ws_host_protocol::CloseCode;

use crate::ownership::NotOwner;

/// The cause of a connection's end, as the handler sees it. If there are several causes, the first one is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Client,
    Handler,
    Operator,
    Lost,
    NotOpened,
    Silent,
    Slow,
    ProtocolError,
    TooLong,
    HandlerFailed,
    NoRoom,
    Expired,
    Moved,
    Stopping,
}

/// Why the host closes a client. Each reason has a cause, a close code and the text of the close frame.
///
/// These codes also have other sources. A handler may close clients with them ([`Cause::Handler`]), and so may an
/// operator who closes clients by tag (`Tags::close` takes a frame). A client's own close frame is answered with the
/// client's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostClose<'a> {
    /// The server is stopping.
    Stopping,
    /// The resource is no longer served.
    Removed,
    /// The resource restarts with new instances.
    Restarted,
    /// The actor of an outgoing connection ends.
    ActorEnds,
    /// Another host of the cluster may own the actor.
    Moved,
    /// 1013: the cluster's broker has been unavailable for so long that another host may soon own the actor. This
    /// happens only on paths that are unique in the cluster, with `without-broker = "stop"`. Either an event of the
    /// client failed with `NotOwner::Lapsed`, or `Resource::end_unowned` (`resource/owned.rs`) ended the actor.
    Unconfirmed,
    /// The server of an outgoing connection is no longer granted.
    Revoked,
    /// The operator closes the client.
    Operator,
    /// 1011: the handler failed while it handled an event of the client (`Fault::close` in `guest/error.rs`). The
    /// string is the text of the close frame.
    HandlerFailed(&'a str),
    /// 1011: instances of the handler failed to start eight times in a row (`Turn::make_instance`).
    HandlerKeepsFailing,
    /// 1013: `max-instances` instances are in memory, and none has made room within a second (`Code::permit` in
    /// `actor/code.rs`). Does not occur with `on-fault = "drop-message"`. The string is the text of the close frame.
    NoInstance(&'a str),
    /// 1013: the host has no memory for the client's data (`Client::close_to_make_room`). There are three cases. The
    /// client's input does not fit into `max-buffered` (`wait_for_turn` and `charge_input` in `connection/mod.rs`). The
    /// client's output does not fit, and `on-full` is `"close"` (`Client::refuse`). Or memory is short, and this client
    /// holds the most (`server/host/relief.rs`).
    NoRoom,
    /// A message did not fit into the outbound buffer, and the configuration does not allow the message to be dropped.
    Slow,
    /// The client reached its expiry.
    Expired,
}

impl Cause {
    /// Returns the name of the cause in the contract and in the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Handler => "handler",
            Self::Operator => "operator",
            Self::Lost => "lost",
            Self::NotOpened => "not-opened",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::ProtocolError => "protocol-error",
            Self::TooLong => "too-long",
            Self::HandlerFailed => "handler-failed",
            Self::NoRoom => "no-room",
            Self::Expired => "expired",
            Self::Moved => "moved",
            Self::Stopping => "stopping",
        }
    }
}

impl HostClose<'_> {
    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::Stopping | Self::Removed | Self::Restarted | Self::ActorEnds => Cause::Stopping,
            Self::Moved | Self::Unconfirmed => Cause::Moved,
            Self::Operator | Self::Revoked => Cause::Operator,
            // `NoInstance` is reported as the handler's failure, too, although the handler's code is not to blame.
            Self::HandlerFailed(_) | Self::HandlerKeepsFailing | Self::NoInstance(_) => {
                Cause::HandlerFailed
            }
            Self::NoRoom => Cause::NoRoom,
            Self::Slow => Cause::Slow,
            Self::Expired => Cause::Expired,
        }
    }

    pub(crate) fn code(self) -> CloseCode {
        match self {
            Self::Stopping | Self::Removed | Self::ActorEnds | Self::Operator | Self::Revoked => {
                CloseCode::GOING_AWAY
            }
            // This code lets the client connect again at once.
            Self::Restarted | Self::Moved => CloseCode::SERVICE_RESTART,
            Self::HandlerFailed(_) | Self::HandlerKeepsFailing => CloseCode::INTERNAL_ERROR,
            // IANA registry: the service is overloaded. This code asks clients to wait before they connect again.
            Self::NoInstance(_) | Self::NoRoom | Self::Unconfirmed => CloseCode::TRY_AGAIN_LATER,
            // RFC 6455 §7.4.1: no other code fits better. 1013 would say that all clients are affected.
            Self::Slow | Self::Expired => CloseCode::POLICY_VIOLATION,
        }
    }
}

impl From<NotOwner> for HostClose<'_> {
    fn from(why: NotOwner) -> Self {
        match why {
            NotOwner::Lapsed => Self::Unconfirmed,
            NotOwner::Lost => Self::Moved,
        }
    }
}

impl<'a> HostClose<'a> {
    pub(crate) fn reason(self) -> &'a str {
        match self {
            Self::Stopping => "the server is stopping",
            Self::Removed => "the resource was removed",
            Self::Restarted => "the resource is restarting",
            Self::ActorEnds => "the instance ends",
            Self::Moved => "another host takes over",
            Self::Unconfirmed => "the cluster is not reachable",
            Self::Revoked => "no longer granted",
            Self::Operator => "closed by the operator",
            Self::HandlerFailed(text) | Self::NoInstance(text) => text,
            Self::HandlerKeepsFailing => "the handler keeps failing",
            Self::NoRoom => "the server is full",
            Self::Slow => "the client reads too slowly",
            Self::Expired => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog::CAUSES;

    #[test]
    fn every_cause_can_be_counted() {
        let all = [
            Cause::Client,
            Cause::Handler,
            Cause::Operator,
            Cause::Lost,
            Cause::NotOpened,
            Cause::Silent,
            Cause::Slow,
            Cause::ProtocolError,
            Cause::TooLong,
            Cause::HandlerFailed,
            Cause::NoRoom,
            Cause::Expired,
            Cause::Moved,
            Cause::Stopping,
        ];
        assert_eq!(all.map(Cause::as_str), *CAUSES);
    }

    #[test]
    fn each_reason_has_its_cause_its_code_and_its_text() {
        let expected = [
            (HostClose::Stopping, "stopping", 1001, "the server is stopping"),
            (HostClose::Removed, "stopping", 1001, "the resource was removed"),
            (HostClose::Restarted, "stopping", 1012, "the resource is restarting"),
            (HostClose::ActorEnds, "stopping", 1001, "the instance ends"),
            (HostClose::Moved, "moved", 1012, "another host takes over"),
            (HostClose::Unconfirmed, "moved", 1013, "the cluster is not reachable"),
            (HostClose::Revoked, "operator", 1001, "no longer granted"),
            (HostClose::Operator, "operator", 1001, "closed by the operator"),
            (HostClose::HandlerFailed("so"), "handler-failed", 1011, "so"),
            (HostClose::HandlerKeepsFailing, "handler-failed", 1011, "the handler keeps failing"),
            (HostClose::NoInstance("none"), "handler-failed", 1013, "none"),
            (HostClose::NoRoom, "no-room", 1013, "the server is full"),
            (HostClose::Slow, "slow", 1008, "the client reads too slowly"),
            (HostClose::Expired, "expired", 1008, "expired"),
        ];
        for (close, cause, code, reason) in expected {
            let actual = (close.cause().as_str(), close.code().number(), close.reason());
            assert_eq!(actual, (cause, code, reason), "{close:?}");
        }
    }
}
