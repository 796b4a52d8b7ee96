//! The content of a store's file, and the limits on it.

use std::collections::BTreeMap;

use redb::{ReadableTable, StorageError, Table, TableDefinition, TableError, WriteTransaction};

use super::change::{Change, Outcome, Version};
use super::error::{OpenError, StoreError};

/// The values, by bucket and key.
pub(super) const ENTRIES: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("ws-host.entries");

/// Numbers that describe the whole file. The next three constants are the keys of this table.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("ws-host.numbers");
const FORMAT: &str = "format";
const BYTES: &str = "bytes";
const KEYS: &str = "keys";

/// The format that this version writes.
const THIS_FORMAT: u64 = 1;

/// The limits on the content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreLimits {
    /// The total length of all entries, in bytes. The length of an entry includes its key, its value and the name of
    /// its bucket.
    pub(crate) max_size: u64,
    pub(crate) max_keys: u64,
}

/// The tables in a transaction, and the totals so far.
pub(super) struct Tables<'a> {
    entries: Table<'a, (&'static str, &'static str), &'static [u8]>,
    numbers: Table<'a, &'static str, u64>,
    totals: Totals,
}

#[derive(Clone, Copy)]
struct Totals {
    bytes: u64,
    keys: u64,
}

/// The result of a change. The inner error says why the change was refused. The outer error is a failure of the file.
type Applied = Result<Result<Outcome, StoreError>, StorageError>;

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a WriteTransaction) -> Result<Self, TableError> {
        let entries = transaction.open_table(ENTRIES)?;
        let numbers = transaction.open_table(NUMBERS)?;
        let totals = Totals { bytes: number(&numbers, BYTES)?, keys: number(&numbers, KEYS)? };
        Ok(Self { entries, numbers, totals })
    }

    /// Checks the format of the file. A new file gets the current format.
    pub(super) fn check_format(&mut self) -> Result<Result<(), OpenError>, StorageError> {
        let format = self.numbers.get(FORMAT)?.map(|format| format.value());
        match format {
            None => {
                self.numbers.insert(FORMAT, THIS_FORMAT)?;
                Ok(Ok(()))
            }
            Some(THIS_FORMAT) => Ok(Ok(())),
            Some(_) => Ok(Err(OpenError::Later)),
        }
    }

    /// Writes the totals.
    pub(super) fn finish(mut self) -> Result<(), StorageError> {
        self.numbers.insert(BYTES, self.totals.bytes)?;
        self.numbers.insert(KEYS, self.totals.keys)?;
        Ok(())
    }

    /// Makes a change. A change that is refused changes nothing.
    pub(super) fn apply(&mut self, bucket: &str, change: Change, limits: StoreLimits) -> Applied {
        match change {
            Change::Set(pairs) => self.set(bucket, pairs, limits),
            Change::Delete(keys) => {
                for key in keys {
                    let old = self.entries.remove((bucket, &*key))?.map(|old| old.value().len());
                    if let Some(old) = old {
                        self.totals.bytes -= cost(bucket, &key, old);
                        self.totals.keys -= 1;
                    }
                }
                Ok(Ok(Outcome::Done))
            }
            Change::Increment(key, delta) => {
                let sum = match self.entries.get((bucket, &*key))? {
                    None => Ok(delta),
                    Some(value) => add(value.value(), delta),
                };
                match sum {
                    Err(error) => Ok(Err(error)),
                    Ok(sum) => {
                        let set = self.set(bucket, vec![(key, sum.to_string().into())], limits)?;
                        Ok(set.map(|_| Outcome::Number(sum)))
                    }
                }
            }
            Change::Swap(key, expected, value) => {
                let version = match self.entries.get((bucket, &*key))? {
                    None => Version::of(None),
                    Some(value) => Version::of(Some(value.value())),
                };
                match version == expected {
                    true => self.set(bucket, vec![(key, value)], limits),
                    false => Ok(Ok(Outcome::Stale(version))),
                }
            }
        }
    }

    fn set(&mut self, bucket: &str, pairs: Vec<(String, Vec<u8>)>, limits: StoreLimits) -> Applied {
        let pairs = BTreeMap::from_iter(pairs);
        let old = self.totals;
        let mut new = old;
        for (key, value) in &pairs {
            match self.entries.get((bucket, &**key))? {
                Some(old) => new.bytes -= cost(bucket, key, old.value().len()),
                None => new.keys += 1,
            }
            new.bytes += cost(bucket, key, value.len());
        }
        // A limit may have been lowered. A change that makes the store smaller is allowed even then.
        if new.keys > limits.max_keys && new.keys > old.keys {
            return Ok(Err(StoreError::FullOfKeys(limits.max_keys)));
        }
        if new.bytes > limits.max_size && new.bytes > old.bytes {
            return Ok(Err(StoreError::FullOfBytes(limits.max_size)));
        }
        for (key, value) in pairs {
            self.entries.insert((bucket, &*key), &*value)?;
        }
        self.totals = new;
        Ok(Ok(Outcome::Done))
    }
}

fn number(numbers: &Table<'_, &'static str, u64>, name: &str) -> Result<u64, StorageError> {
    Ok(numbers.get(name)?.map_or(0, |number| number.value()))
}

/// Returns how much an entry counts towards `max-size`.
fn cost(bucket: &str, key: &str, value: usize) -> u64 {
    (bucket.len() + key.len() + value) as u64
}

fn add(value: &[u8], delta: i64) -> Result<i64, StoreError> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
    let Some(number) = number else {
        return Err(StoreError::NotANumber("the value is not a number in decimal digits"));
    };
    let sum = number.checked_add(delta);
    sum.ok_or(StoreError::NotANumber("the sum does not fit into a signed 64-bit number"))
}
