//! What ends connections.

use ws_host_protocol::CloseCode;

/// What ended a connection, for the handler. Whatever ends it first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Client,
    Handler,
    Operator,
    Lost,
    Silent,
    Slow,
    ProtocolError,
    TooLong,
    HandlerFailed,
    NoRoom,
    Expired,
    Stopping,
}

/// Why the host closes a client. Each knows its cause, its close code and what the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostClose<'a> {
    /// The server stops.
    Stopping,
    /// The resource is not served any more.
    Removed,
    /// Other instances of the resource are wanted.
    Restarted,
    /// Whoever runs the server wants it.
    Operator,
    /// The handler failed in an event of the client, which is told so.
    HandlerFailed(&'a str),
    /// Nothing is expected of the handler any more.
    HandlerKeepsFailing,
    /// There is no instance for the client's event.
    NoInstance(&'a str),
    /// The host has no memory for what is held for the client.
    NoRoom,
    /// A message found no room in its outbound buffer, and none may be left out.
    Slow,
    /// It did not prove itself again in time.
    Expired,
}

impl Cause {
    /// The word that handlers know it by, and the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Handler => "handler",
            Self::Operator => "operator",
            Self::Lost => "lost",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::ProtocolError => "protocol-error",
            Self::TooLong => "too-long",
            Self::HandlerFailed => "handler-failed",
            Self::NoRoom => "no-room",
            Self::Expired => "expired",
            Self::Stopping => "stopping",
        }
    }
}

impl HostClose<'_> {
    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::Stopping | Self::Removed | Self::Restarted => Cause::Stopping,
            Self::Operator => Cause::Operator,
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
            Self::Stopping | Self::Removed | Self::Operator => CloseCode::GOING_AWAY,
            Self::Restarted => CloseCode::SERVICE_RESTART,
            Self::HandlerFailed(_) | Self::HandlerKeepsFailing => CloseCode::INTERNAL_ERROR,
            // IANA registry: the service is overloaded.
            Self::NoInstance(_) | Self::NoRoom => CloseCode::TRY_AGAIN_LATER,
            // RFC 6455 §7.4.1: no other code fits. That of an overloaded service would say that others fare as badly.
            Self::Slow | Self::Expired => CloseCode::POLICY_VIOLATION,
        }
    }
}

impl<'a> HostClose<'a> {
    pub(crate) fn reason(self) -> &'a str {
        match self {
            Self::Stopping => "the server stops",
            Self::Removed => "the resource is gone",
            Self::Restarted => "the resource begins anew",
            Self::Operator => "closed by the administrator",
            Self::HandlerFailed(told) | Self::NoInstance(told) => told,
            Self::HandlerKeepsFailing => "the handler keeps failing",
            Self::NoRoom => "the server is full",
            Self::Slow => "too slow for what is sent",
            Self::Expired => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_closed_by_the_host_is_told_why_with_a_code_that_fits() {
        let expected = [
            (HostClose::Stopping, "stopping", 1001, "the server stops"),
            (HostClose::Removed, "stopping", 1001, "the resource is gone"),
            (HostClose::Restarted, "stopping", 1012, "the resource begins anew"),
            (HostClose::Operator, "operator", 1001, "closed by the administrator"),
            (HostClose::HandlerFailed("so"), "handler-failed", 1011, "so"),
            (HostClose::HandlerKeepsFailing, "handler-failed", 1011, "the handler keeps failing"),
            (HostClose::NoInstance("none"), "handler-failed", 1013, "none"),
            (HostClose::NoRoom, "no-room", 1013, "the server is full"),
            (HostClose::Slow, "slow", 1008, "too slow for what is sent"),
            (HostClose::Expired, "expired", 1008, "expired"),
        ];
        for (why, cause, code, reason) in expected {
            let told = (why.cause().as_str(), why.code().number(), why.reason());
            assert_eq!(told, (cause, code, reason), "{why:?}");
        }
    }
}
