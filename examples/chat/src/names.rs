//! Names of people in the chat.

use std::fmt;

/// The longest name, in characters.
const MAX_LENGTH: usize = 24;

/// The name of one person, different from all other names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// Why a name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    Empty,
    TooLong,
    /// The name contains characters that would make it possible to imitate other lines.
    Confusing,
    Taken,
}

impl Name {
    /// Makes a name for a person who has not chosen one yet.
    pub(crate) fn guest(arrival: u64, taken: &[&Name]) -> Self {
        (arrival..)
            .map(|number| Self(format!("guest-{number}")))
            .find(|name| !taken.iter().any(|other| other.is_like(name)))
            .unwrap_or_else(|| Self("guest".into()))
    }

    /// Checks a name that a person asks for.
    pub(crate) fn parse<'a>(
        text: &str,
        mut taken: impl Iterator<Item = &'a Name>,
    ) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().count() > MAX_LENGTH {
            return Err(NameError::TooLong);
        }
        if text.contains([':', ',', '*', '!']) || text.chars().any(char::is_control) {
            return Err(NameError::Confusing);
        }
        let name = Self(text.to_owned());
        if taken.any(|other| other.is_like(&name)) { Err(NameError::Taken) } else { Ok(name) }
    }

    /// Returns the name as bytes, to attach it to a client.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Restores a name from [`as_bytes`](Self::as_bytes).
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        String::from_utf8(bytes).ok().map(Self)
    }

    fn is_like(&self, other: &Self) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name must not be empty"),
            Self::TooLong => write!(f, "a name has at most {MAX_LENGTH} characters"),
            Self::Confusing => f.write_str("a name cannot contain : , * ! or control characters"),
            Self::Taken => f.write_str("this name is already taken"),
        }
    }
}
