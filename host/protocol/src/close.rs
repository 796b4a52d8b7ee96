//! Close frames (RFC 6455 §5.5.1).

use crate::close_code::{CloseCode, CloseCodeError};
use crate::error::ProtocolError;
use crate::frame::MAX_CONTROL_PAYLOAD;

/// The longest reason of a close frame, in octets of UTF-8: a control frame less the code.
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

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
