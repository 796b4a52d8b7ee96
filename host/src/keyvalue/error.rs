//! Why a store cannot be opened, or cannot do what a handler asks for.

use std::io;

/// Why a file cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("another process has it open: stop that process, or set a different file in `grant`")]
    InUse,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is not a store of ws-host, or it is damaged: {0}")]
    Foreign(String),
    #[error("it was written by a later version of ws-host")]
    Later,
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Why a store cannot do what a handler asks for. Each message begins with a word that handlers can compare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(
        "full: the keys and values of the store may have at most {0} bytes (keyvalue.max-size)"
    )]
    FullOfBytes(u64),
    #[error("full: the store may have at most {0} keys (keyvalue.max-keys)")]
    FullOfKeys(u64),
    #[error("too-long: {0}")]
    TooLong(&'static str),
    #[error("too-many: {0}")]
    TooMany(&'static str),
    #[error("not-a-number: {0}")]
    NotANumber(&'static str),
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// Returns the error for a failed access to the file.
    pub(super) fn unavailable(error: impl Into<redb::Error>) -> Self {
        Self::Unavailable(error.into().to_string())
    }

    /// Returns whether the operator should know about the error. The operator should know if the store is full, or if
    /// its file cannot be used.
    pub(crate) fn concerns_the_operator(&self) -> bool {
        matches!(self, Self::FullOfBytes(_) | Self::FullOfKeys(_) | Self::Unavailable(_))
    }
}
