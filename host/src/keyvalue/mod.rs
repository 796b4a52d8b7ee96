//! Key-value stores: keys and values that handlers keep in a file. Only one process at a time has a file open, and it
//! opens the file only once.
//!
//! ```text
//! Store    one file: reads on other threads, and a queue of changes
//!   ├─ file      each file is open only once, and only in one process
//!   ├─ queue     changes that wait are committed together
//!   └─ tables    what is in the file, and the limits
//! ```

mod change;
mod error;
mod file;
mod queue;
mod store;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use self::change::{Change, Outcome, Version};
pub(crate) use self::error::{OpenError, StoreError};
pub(crate) use self::file::{check, open};
pub(crate) use self::store::{Page, Store};
pub(crate) use self::tables::StoreLimits;
