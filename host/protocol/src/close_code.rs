//! Close codes (RFC 6455 §7.4).

/// A close code that may appear in a close frame.
///
/// Three groups of codes are not valid here: codes that only report that a connection ended without a close code or
/// without a close frame (1005, 1006, 1015), reserved codes, and unassigned codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the connection has served its purpose.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server is shutting down, or the browser has left the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: this endpoint does not accept this type of data.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: the payload does not match the type of its message, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: the peer violated a policy, and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the client expected an extension that the server did not negotiate.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server encountered an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service is restarting (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway received an invalid response (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);

    /// 1005: the close frame had no code (RFC 6455 §7.4.1). This is not a `CloseCode`, because it is never sent.
    pub const NO_STATUS: u16 = 1005;
    /// 1006: the connection ended without a close frame (RFC 6455 §7.4.1). This is not a `CloseCode`, because it is
    /// never sent.
    pub const ABNORMAL: u16 = 1006;

    /// Validates a code that was received, or that an application wants to send.
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

    /// Returns the code as a number.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// A close code that must not appear in a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("close code {0} must not be sent")]
pub struct CloseCodeError(pub u16);
