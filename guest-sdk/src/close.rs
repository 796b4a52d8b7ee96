//! Close codes (RFC 6455 §7.4).

use crate::words::errors;

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1000: the connection has served its purpose.
    Normal,
    /// 1001: one side goes away, such as a server that stops or a browser that leaves the page.
    GoingAway,
    /// 1002: the peer violated the protocol.
    ProtocolError,
    /// 1003: a kind of data that cannot be accepted, such as binary where text is expected.
    InvalidType,
    /// 1007: data that does not match its type, such as text that is not UTF-8.
    InconsistentType,
    /// 1008: a policy was violated.
    PolicyViolation,
    /// 1009: a message was too big.
    Oversize,
    /// 1010: an extension that the client needs was not negotiated.
    ExtensionNegotiationFailure,
    /// 1011: something unexpected happened on the server.
    #[doc(alias = "fatal")]
    InternalError,
    /// 1012: the service restarts.
    ServiceRestart,
    /// 1013: try again later.
    TryAgainLater,
    /// 1014: a gateway got an invalid response.
    BadGateway,
    /// Any other code: 3000–3999 are registered, 4000–4999 are for private use by applications. 1005 (no code) and 1006
    /// (no close frame) appear only in a [`Disconnection`].
    ///
    /// [`Disconnection`]: crate::Disconnection
    Other(u16),
}

impl From<u16> for CloseCode {
    fn from(number: u16) -> Self {
        match number {
            1000 => Self::Normal,
            1001 => Self::GoingAway,
            1002 => Self::ProtocolError,
            1003 => Self::InvalidType,
            1007 => Self::InconsistentType,
            1008 => Self::PolicyViolation,
            1009 => Self::Oversize,
            1010 => Self::ExtensionNegotiationFailure,
            1011 => Self::InternalError,
            1012 => Self::ServiceRestart,
            1013 => Self::TryAgainLater,
            1014 => Self::BadGateway,
            other => Self::Other(other),
        }
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        match code {
            CloseCode::Normal => 1000,
            CloseCode::GoingAway => 1001,
            CloseCode::ProtocolError => 1002,
            CloseCode::InvalidType => 1003,
            CloseCode::InconsistentType => 1007,
            CloseCode::PolicyViolation => 1008,
            CloseCode::Oversize => 1009,
            CloseCode::ExtensionNegotiationFailure => 1010,
            CloseCode::InternalError => 1011,
            CloseCode::ServiceRestart => 1012,
            CloseCode::TryAgainLater => 1013,
            CloseCode::BadGateway => 1014,
            CloseCode::Other(number) => number,
        }
    }
}

errors! {
    /// Why a client was not closed.
    CloseError {
        /// The client is closing or closed, or is not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The code must not be sent: 1005, 1006, 1015 or an unassigned one.
        InvalidCode = "invalid-code", "the close code must not be sent: 1000 to 1003, 1007 to \
                                       1014 and 3000 to 4999 are allowed";
        /// The reason has more than 123 bytes of UTF-8.
        ReasonTooLong = "reason-too-long", "the close reason has more than 123 bytes";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_their_numbers() {
        let names = [
            (1000, CloseCode::Normal),
            (1001, CloseCode::GoingAway),
            (1002, CloseCode::ProtocolError),
            (1003, CloseCode::InvalidType),
            (1007, CloseCode::InconsistentType),
            (1008, CloseCode::PolicyViolation),
            (1009, CloseCode::Oversize),
            (1010, CloseCode::ExtensionNegotiationFailure),
            (1011, CloseCode::InternalError),
            (1012, CloseCode::ServiceRestart),
            (1013, CloseCode::TryAgainLater),
            (1014, CloseCode::BadGateway),
        ];
        for (number, name) in names {
            assert_eq!((CloseCode::from(number), u16::from(name)), (name, number));
        }
        for number in [0, 1004, 1005, 1006, 1015, 3000, 4999, u16::MAX] {
            assert_eq!(CloseCode::from(number), CloseCode::Other(number));
            assert_eq!(u16::from(CloseCode::Other(number)), number);
        }
    }
}
