//! Names of people in the chat.

use std::fmt;

/// The maximum length of a name, in characters.
const MAX_LENGTH: usize = 24;

/// The name of one person, different from all other names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// Why a requested name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    Empty,
    TooLong,
    /// The name contains characters that could be used to forge other lines.
    Confusing,
    Taken,
}

impl Name {
    /// Returns a name for a person who has not chosen one. It is `guest-N` with the first free N from `number` on.
    pub(crate) fn guest<'a>(number: u64, taken: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let mut names = (number..).map(|number| Self(format!("guest-{number}")));
        let is_free = |name: &Self| !taken.clone().any(|other| other.is_like(name));
        names.find(is_free).expect("there are more numbers than people")
    }

    /// Checks a name that a user has chosen.
    pub(crate) fn parse<'a>(
        text: &str,
        mut taken: impl Iterator<Item = &'a Self>,
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

    /// Returns a name that was checked before it was saved.
    pub(crate) fn restored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
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
