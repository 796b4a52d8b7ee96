//! Changes to a store, and the bounds on each of them.

use sha2::{Digest, Sha256};

use super::error::StoreError;

/// The maximum lengths of a key and of a value, in bytes.
const MAX_KEY: usize = 1 << 10;
const MAX_VALUE: usize = 1 << 20;

/// The maximum number of keys in one operation, and the maximum number of bytes that one operation may read or write.
const MAX_KEYS_AT_ONCE: usize = 1_000;
pub(super) const MAX_BYTES_AT_ONCE: usize = 4 << 20;

/// The number of bytes that a queued change costs, in addition to its keys and values.
const OVERHEAD: usize = 256;

/// A change to one bucket. It happens completely or not at all.
#[derive(Debug)]
pub(crate) enum Change {
    /// Sets the values of these keys. If a key occurs twice, its last value counts.
    Set(Vec<(String, Vec<u8>)>),
    Delete(Vec<String>),
    /// Adds to a value. The value is a number in decimal digits.
    Increment(String, i64),
    /// Sets the value of a key, if the key still has this version.
    Swap(String, Version, Vec<u8>),
}

/// The result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The sum after [`Change::Increment`].
    Number(i64),
    /// [`Change::Swap`] changed nothing, because the key has another version. Contains that version.
    Stale(Version),
}

/// The version of a value, which shows whether the value has changed. It is a hash of the value, or `None` if the key
/// does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(Option<[u8; 32]>);

impl Version {
    pub(crate) fn of(value: Option<&[u8]>) -> Self {
        Self(value.map(|value| Sha256::digest(value).into()))
    }
}

impl Change {
    /// Checks the bounds of a change. Returns how many bytes the change costs while it is queued.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLong`] and [`StoreError::TooMany`].
    pub(super) fn check(&self) -> Result<usize, StoreError> {
        let bytes = match self {
            Self::Set(pairs) => {
                check_number(pairs.len())?;
                let mut bytes = 0;
                for (key, value) in pairs {
                    bytes += check_key(key)? + check_value(value)?;
                }
                bytes
            }
            Self::Delete(keys) => check_keys(keys)?,
            Self::Increment(key, _) => check_key(key)?,
            Self::Swap(key, _, value) => check_key(key)? + check_value(value)?,
        };
        match bytes <= MAX_BYTES_AT_ONCE {
            true => Ok(bytes + OVERHEAD),
            false => {
                Err(StoreError::TooLong("the keys and values of one call must have at most 4 MiB"))
            }
        }
    }
}

/// Checks the keys of one call. Returns their total length in bytes.
pub(super) fn check_keys(keys: &[String]) -> Result<usize, StoreError> {
    check_number(keys.len())?;
    keys.iter().try_fold(0, |bytes, key| Ok(bytes + check_key(key)?))
}

fn check_number(number: usize) -> Result<(), StoreError> {
    match number <= MAX_KEYS_AT_ONCE {
        true => Ok(()),
        false => Err(StoreError::TooMany("one call may name at most 1,000 keys")),
    }
}

/// Checks a key. Returns its length in bytes.
pub(super) fn check_key(key: &str) -> Result<usize, StoreError> {
    match key.len() <= MAX_KEY {
        true => Ok(key.len()),
        false => Err(StoreError::TooLong("a key must have at most 1 KiB")),
    }
}

fn check_value(value: &[u8]) -> Result<usize, StoreError> {
    match value.len() <= MAX_VALUE {
        true => Ok(value.len()),
        false => Err(StoreError::TooLong("a value must have at most 1 MiB")),
    }
}
