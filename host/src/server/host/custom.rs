//! Messages from outside into handlers.

use std::sync::Arc;

use super::CustomError;
use crate::guest::CustomInfo;

/// The longest kind or sender of a message, in octets: each instance that the message is for has them beside it.
const MAX_WORD: usize = 255;

/// A message from outside, for handlers that take such.
///
/// ```
/// use ws_host::CustomMessage;
///
/// let message = CustomMessage::from(r#"{"rate": 2}"#).kind("application/json").sender("billing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomMessage<'a> {
    bytes: &'a [u8],
    kind: Option<&'a str>,
    sender: Option<&'a str>,
}

impl<'a> CustomMessage<'a> {
    /// A message of which only this is known.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, kind: None, sender: None }
    }

    /// Of what kind it is, in at most 255 octets: a media type, say. The handler can ask for it.
    pub fn kind(self, kind: &'a str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Who sends it, in at most 255 octets: what this program calls itself. The handler can ask for it.
    pub fn sender(self, sender: &'a str) -> Self {
        Self { sender: Some(sender), ..self }
    }

    pub(in crate::server) fn bytes(&self) -> Arc<[u8]> {
        self.bytes.into()
    }

    pub(in crate::server) fn info(&self) -> Result<CustomInfo, CustomError> {
        let bounded = |word: Option<&str>, too_long| match word {
            Some(word) if word.len() > MAX_WORD => Err(too_long),
            word => Ok(word.map(Arc::from)),
        };
        Ok(CustomInfo {
            kind: bounded(self.kind, CustomError::KindTooLong)?,
            sender: bounded(self.sender, CustomError::SenderTooLong)?,
        })
    }
}

/// Whatever has octets: a slice, a vector, a text.
impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for CustomMessage<'a> {
    fn from(bytes: &'a T) -> Self {
        Self::new(bytes.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_sender_have_255_octets_at_most() {
        let (fits, too_long) = ("x".repeat(255), "x".repeat(256));
        let info = CustomMessage::from("").kind(&fits).sender(&fits).info().expect("both fit");
        let fits = Some(Arc::from(fits));
        assert_eq!((&info.kind, &info.sender), (&fits, &fits));
        let wrong = CustomMessage::from("").kind(&too_long).info();
        assert_eq!(wrong, Err(CustomError::KindTooLong));
        let wrong = CustomMessage::from("").sender(&too_long).info();
        assert_eq!(wrong, Err(CustomError::SenderTooLong));
        assert_eq!(CustomMessage::from(b"a").info(), Ok(CustomInfo::default()));
    }
}
