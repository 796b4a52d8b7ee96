//! The admin token.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error_chain::as_user;

/// The lengths that a token may have. A token of 16 random characters cannot be guessed.
const MIN_LENGTH: usize = 16;
const MAX_LENGTH: usize = 1024;

/// The token that every request to the admin address must contain (RFC 6750). Only a hash of it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken {
    hash: [u8; 32],
    /// The file from which the token was read. A configuration reload reads the file again.
    file: Option<PathBuf>,
}

/// The reason why a string is not a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have 16 to 1,024 characters of A-Z a-z 0-9 - . _ ~ + / = (`openssl rand -base64 32` makes one)"
)]
#[non_exhaustive]
pub struct InvalidAdminToken;

impl AdminToken {
    /// Returns the token with this text.
    ///
    /// # Errors
    ///
    /// [`InvalidAdminToken`] if the token is too short or too long, or has a character that the syntax `b64token` (RFC
    /// 6750 §2.1) does not allow.
    pub fn new(text: &str) -> Result<Self, InvalidAdminToken> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let is_valid = (MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_part);
        let hash = || Sha256::digest(text).into();
        is_valid.then(|| Self { hash: hash(), file: None }).ok_or(InvalidAdminToken)
    }

    /// Reads the token from a file. White space around it is ignored.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| {
            format!("cannot be read{}: {}: {error}", as_user(&error), file.display())
        })?;
        match Self::new(text.trim()) {
            Ok(token) => Ok(Self { file: Some(file.into()), ..token }),
            Err(error) => Err(format!("{} {error}", file.display())),
        }
    }

    /// Reads the token again, if it came from a file. This blocks the thread.
    pub(crate) fn read_again(&self) -> Result<Self, String> {
        match &self.file {
            Some(file) => Self::read(file),
            None => Ok(self.clone()),
        }
    }

    /// Returns whether `presented` is the token. The time that the comparison takes reveals nothing about the token,
    /// because hashes are compared.
    pub(crate) fn is(&self, presented: &[u8]) -> bool {
        self.hash == <[u8; 32]>::from(Sha256::digest(presented))
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_long_enough_and_has_only_characters_that_a_header_may_have() {
        let token = AdminToken::new("0123456789abcdef").expect("a token");
        assert!(token.is(b"0123456789abcdef"));
        for other in ["0123456789abcdeF", "0123456789abcde", "", "0123456789abcdef "] {
            assert!(!token.is(other.as_bytes()), "{other:?}");
        }
        assert_eq!(format!("{token:?}"), "AdminToken(..)");
        assert!(AdminToken::new(&"a".repeat(MAX_LENGTH)).is_ok());
        let too_long = "a".repeat(MAX_LENGTH + 1);
        for text in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcde\u{e4}", &too_long]
        {
            assert_eq!(AdminToken::new(text), Err(InvalidAdminToken), "{text:?}");
        }
    }
}
