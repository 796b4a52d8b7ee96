//! Typed messages in JSON.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Client, SendError};

impl Client {
    /// Sends a value as a text message in JSON.
    ///
    /// # Errors
    ///
    /// Returns [`SendJsonError`] if the message was not sent.
    pub fn send_json(self, value: &impl Serialize) -> Result<(), SendJsonError> {
        let text = serde_json::to_string(value).map_err(SendJsonError::Json)?;
        self.send_text(text).map_err(SendJsonError::Send)
    }
}

/// Reads a message in JSON: `let order: Order = from_json(&message)?;`.
///
/// # Errors
///
/// Returns [`InvalidJson`] if the message is not JSON, or not of this type. If the handler returns this error, for
/// example with `?`, [`failed`](crate::Handler::failed) gets it. By default, `failed` then closes the client with 1007,
/// because the mistake is the client's. The error becomes the close reason, and is also written to the log at the level
/// `info`.
pub fn from_json<T: DeserializeOwned>(message: impl AsRef<[u8]>) -> Result<T, InvalidJson> {
    serde_json::from_slice(message.as_ref()).map_err(InvalidJson)
}

/// The error for a message that is not JSON, or not of the expected type.
#[derive(Debug)]
pub struct InvalidJson(serde_json::Error);

impl fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid JSON: {}", self.0)
    }
}

impl std::error::Error for InvalidJson {}

/// Why a value was not sent as JSON.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendJsonError {
    /// The value cannot be written as JSON, for example a map whose keys are not text.
    Json(serde_json::Error),
    /// The message was not sent.
    Send(SendError),
}

impl fmt::Display for SendJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(_) => f.write_str("the value cannot be written as JSON"),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendJsonError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Send(_) => None,
        }
    }
}
