//! Close codes and close frames (RFC 6455 §5.5.1, §7.4).

use crate::error::ProtocolError;
use crate::frame::MAX_CONTROL_PAYLOAD;

/// The longest reason of a close frame, in octets of UTF-8: a control frame less the code.
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

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

/// The payload of a close frame: a code and a reason that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    code: CloseCode,
    reason: String,
}

impl CloseFrame {
    /// A close frame for an application.
    ///
    /// # Errors
    ///
    /// [`CloseFrameError`] when the code may not be sent or the reason exceeds [`MAX_CLOSE_REASON`].
    pub fn new(code: u16, reason: impl Into<String>) -> Result<Self, CloseFrameError> {
        let reason = reason.into();
        if reason.len() > MAX_CLOSE_REASON {
            return Err(CloseFrameError::ReasonTooLong(reason.len()));
        }
        Ok(Self { code: CloseCode::from_wire(code)?, reason })
    }

    /// A close frame of this end: a reason that is too long is cut at a character's border.
    pub fn with_reason(code: CloseCode, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(MAX_CLOSE_REASON));
        Self { code, reason }
    }

    /// The payload of a received close frame; `None` for an empty one.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, ProtocolError> {
        match payload {
            [] => Ok(None),
            [_] => Err(ProtocolError::ClosePayloadTooShort),
            [high, low, reason @ ..] => {
                let code = CloseCode::from_wire(u16::from_be_bytes([*high, *low]))?;
                let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidUtf8)?;
                Ok(Some(Self { code, reason: reason.to_owned() }))
            }
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(2 + self.reason.len());
        payload.extend_from_slice(&self.code.number().to_be_bytes());
        payload.extend_from_slice(self.reason.as_bytes());
        payload
    }

    /// The code.
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason, at most [`MAX_CLOSE_REASON`] octets.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Why a close frame cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseFrameError {
    /// The code may not be sent.
    #[error(transparent)]
    Code(#[from] CloseCodeError),
    /// The reason is longer than a control frame has room for.
    #[error("a close reason of {0} octets; {MAX_CLOSE_REASON} are allowed")]
    ReasonTooLong(usize),
}
