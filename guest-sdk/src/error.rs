//! Errors of handlers.

use std::error::Error as StdError;
use std::fmt;

/// Any error: what `?` makes of one in a handler.
///
/// What becomes of it is up to [`Handler::failed`](crate::Handler::failed): unless you define that, the
/// host's log gets it with all its causes, and the client whose event it was is closed with 1011.
pub struct Error(Box<dyn StdError>);

impl Error {
    /// An error of nothing but words.
    pub fn msg(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }
}

impl<E: StdError + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// The error; with `{:#}` its causes too.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source().filter(|_| f.alternate());
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}
