//! Close codes (RFC 6455 §7.4).

/// A close code that may stand in a close frame.
///
/// Codes that only describe an end which had no close frame (1005, 1006, 1015), reserved and
/// unassigned ones cannot be made into a `CloseCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this endpoint cannot take.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that does not fit its message's type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy was violated, when no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the client expected an extension that the server did not negotiate.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server met a condition that it did not expect.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);

    /// A code that came from the wire, or that an application wants to put there.
    ///
    /// # Errors
    ///
    /// [`CloseCodeError`] for every code that must not appear in a close frame (§7.4.1, §7.4.2).
    pub fn from_wire(code: u16) -> Result<Self, CloseCodeError> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(CloseCodeError(code)),
        }
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// A close code that must not appear in a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("close code {0} may not be sent")]
pub struct CloseCodeError(pub u16);
