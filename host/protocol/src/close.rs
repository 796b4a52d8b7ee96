//! Close frames (RFC 6455 §5.5.1).

use crate::close_code::{CloseCode, CloseCodeError};
use crate::error::ProtocolError;
use crate::frame::MAX_CONTROL_PAYLOAD;

/// The maximum length of a close reason, in bytes of UTF-8: the maximum payload of a control frame, minus the code.
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// The payload of a close frame: a code that may be sent, and a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    code: CloseCode,
    reason: String,
}

impl CloseFrame {
    /// Creates a close frame with a code and a reason that an application chose.
    ///
    /// # Errors
    ///
    /// [`CloseFrameError`] if the code must not be sent or the reason is longer than [`MAX_CLOSE_REASON`].
    pub fn new(code: u16, reason: impl Into<String>) -> Result<Self, CloseFrameError> {
        let reason = reason.into();
        if reason.len() > MAX_CLOSE_REASON {
            return Err(CloseFrameError::ReasonTooLong(reason.len()));
        }
        Ok(Self { code: CloseCode::from_wire(code)?, reason })
    }

    /// Creates a close frame. A reason that is too long is truncated at a character boundary.
    pub fn with_reason(code: CloseCode, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(MAX_CLOSE_REASON));
        Self { code, reason }
    }

    /// Returns the code and the reason to report for a received close frame (RFC 6455 §7.1.5, §7.1.6). `None` stands
    /// for a frame without a code, as in [`Event::Closed`](crate::Event::Closed). For such a frame, the reported code
    /// is [`CloseCode::NO_STATUS`].
    pub fn code_and_reason(received: Option<&Self>) -> (u16, String) {
        match received {
            Some(frame) => (frame.code.number(), frame.reason.clone()),
            None => (CloseCode::NO_STATUS, String::new()),
        }
    }

    /// Decodes the payload of a received close frame. Returns `None` for an empty payload.
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

    /// Returns the code.
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// Returns the reason, at most [`MAX_CLOSE_REASON`] bytes.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// The error of [`CloseFrame::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseFrameError {
    /// The code must not be sent.
    #[error(transparent)]
    Code(#[from] CloseCodeError),
    /// The reason is too long for a control frame. Contains its length in bytes.
    #[error("the close reason has {0} bytes; at most {MAX_CLOSE_REASON} are allowed")]
    ReasonTooLong(usize),
}
