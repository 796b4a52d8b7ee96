//! Names that can stand in a line of chat.

use std::fmt;

/// The longest name, in characters.
const MAX_LENGTH: usize = 24;

/// A name that nobody else has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// Why a wish for a name cannot be fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    Empty,
    TooLong,
    /// Characters with which somebody could write lines in the name of others.
    Confusing,
    Taken,
}

impl Name {
    /// A name for somebody who did not choose one yet.
    pub(crate) fn guest(arrival: u64, taken: &[&Name]) -> Self {
        (arrival..)
            .map(|number| Self(format!("guest-{number}")))
            .find(|name| !taken.iter().any(|other| other.is_like(name)))
            .unwrap_or_else(|| Self("guest".into()))
    }

    /// The name that somebody wishes for.
    pub(crate) fn parse<'a>(
        wish: &str,
        mut taken: impl Iterator<Item = &'a Name>,
    ) -> Result<Self, NameError> {
        let wish = wish.trim();
        if wish.is_empty() {
            return Err(NameError::Empty);
        }
        if wish.chars().count() > MAX_LENGTH {
            return Err(NameError::TooLong);
        }
        if wish.contains([':', ',', '*', '!']) || wish.chars().any(char::is_control) {
            return Err(NameError::Confusing);
        }
        let name = Self(wish.to_owned());
        if taken.any(|other| other.is_like(&name)) { Err(NameError::Taken) } else { Ok(name) }
    }

    /// A name as octets, to be kept.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// A name that was kept.
    pub(crate) fn kept(octets: Vec<u8>) -> Option<Self> {
        String::from_utf8(octets).ok().map(Self)
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
            Self::Confusing => f.write_str("a name cannot hold : , * ! or control characters"),
            Self::Taken => f.write_str("this name is taken"),
        }
    }
}
