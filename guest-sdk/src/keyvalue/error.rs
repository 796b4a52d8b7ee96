//! Bucket errors.

use std::fmt;

use crate::words::words;

words! {
    /// The kind of a bucket error.
    ErrorKind {
        /// The configuration grants no file. The log says which grant is missing.
        AccessDenied = "access-denied", "the configuration grants no file for keys and values: add \
                                         \"keyvalue:FILE\" to `grant`";
        /// A limit of the file is reached (`max-size`, `max-keys`).
        Full = "full", "the file has reached its limit (keyvalue.max-size or keyvalue.max-keys)";
        /// A key, a value, the name of a bucket, or the data of one call is too long.
        TooLong = "too-long", "a key, a value, a name or the data of one call is too long";
        /// There are more than 1,000 keys in one call, or too many open buckets in the instance.
        TooMany = "too-many", "there are too many keys in one call, or too many open buckets";
        /// The value to which [`increment`](super::Bucket::increment) should add is not a number, or the sum is too
        /// large.
        NotANumber = "not-a-number", "the value is not a number, or the sum is too large";
        /// Each client has its own instance, and such an instance has no bucket of its own.
        NoOwnBucket = "no-own-bucket", "the instance has no bucket of its own";
        /// The file cannot be read or written. A requested change may still have been made.
        Unavailable = "unavailable", "the file cannot be read or written";
    }
}

/// A bucket error. It has a kind, and the host's message, which says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The host's message begins with the word for the kind, followed by a colon.
impl From<String> for Error {
    fn from(message: String) -> Self {
        let word = message.split(':').next().unwrap_or_default();
        Self { kind: ErrorKind::of(word), message }
    }
}
