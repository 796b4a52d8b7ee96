//! Durable timers of a resource. They are not lost when the host restarts. Each timer is an entry in the file of a
//! key-value store, in a bucket that no handler can open.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::TimerId;
use crate::keyvalue::{Change, Store, StoreError, StoreLimits};
use crate::log_rate::{Line, LogRate};

/// The prefix of the names of timer buckets. The names of buckets that handlers open begin with other letters.
const BUCKET: &str = "t:";

/// Separates the name of an actor from the number of its timer.
const SEPARATOR: char = ':';

/// The durable timers of a resource, and the file that they are in.
pub(crate) struct DurableTimers {
    resource: String,
    store: Arc<Store>,
    bucket: Arc<str>,
    limits: StoreLimits,
    failed: LogRate,
}

/// The entry of a timer in the file.
#[derive(Clone)]
pub(crate) struct Record {
    file: Arc<DurableTimers>,
    key: String,
}

/// Some of the timers in the file, and the cursor for the next page.
pub(crate) struct Page {
    /// Timers of the same actor are adjacent.
    pub(crate) timers: Vec<SavedTimer>,
    pub(crate) cursor: Option<String>,
}

/// A timer in the file.
#[derive(Clone)]
pub(crate) struct SavedTimer {
    /// The name of its actor.
    pub(crate) actor: String,
    pub(crate) id: TimerId,
    pub(crate) record: Record,
}

impl DurableTimers {
    /// Creates the handle for this resource's timers in `store`.
    pub(crate) fn new(resource: String, store: Arc<Store>, limits: StoreLimits) -> Self {
        let bucket = format!("{BUCKET}{resource}").into();
        Self { resource, store, bucket, limits, failed: LogRate::new() }
    }

    /// Returns a handle for a timer's entry. The entry need not exist.
    pub(crate) fn record(self: &Arc<Self>, actor: &str, id: TimerId) -> Record {
        Record { file: Arc::clone(self), key: format!("{actor}{SEPARATOR}{id:016x}") }
    }

    /// Returns the timers after `cursor`. Entries that are not timers are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) async fn page(self: &Arc<Self>, cursor: Option<String>) -> Result<Page, StoreError> {
        let page = self.store.list(&self.bucket, cursor).await?;
        let timer = |key: String| {
            let (actor, id) = key.rsplit_once(SEPARATOR)?;
            let (actor, id) = (actor.to_owned(), TimerId::from_str_radix(id, 16).ok()?);
            Some(SavedTimer { actor, id, record: Record { file: Arc::clone(self), key } })
        };
        Ok(Page { timers: page.keys.into_iter().filter_map(timer).collect(), cursor: page.cursor })
    }

    /// Logs that the file cannot be read or written, or that it has no room.
    pub(crate) fn log(&self, error: &StoreError) {
        if let Some(Line { left_out }) = self.failed.line(Instant::now()) {
            tracing::warn!(
                resource = self.resource,
                left_out,
                "cannot read or write durable timers: {error}"
            );
        }
    }
}

impl Record {
    /// Writes the time at which the timer is due, and waits until the entry is on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. The earlier entry is unchanged, except after [`StoreError::Unavailable`]: in that case it may
    /// have changed.
    ///
    /// # Cancel safety
    ///
    /// The entry may be written even if the future is dropped.
    pub(crate) async fn write(&self, due: SystemTime) -> Result<(), StoreError> {
        let due = milliseconds(due).to_string().into_bytes();
        let change = Change::Set(vec![(self.key.clone(), due)]);
        self.change(change).await
    }

    /// Removes the entry, and waits until the removal is on the disk. If this fails, the error is logged, and the timer
    /// fires again after a restart.
    ///
    /// # Cancel safety
    ///
    /// The entry may be removed even if the future is dropped.
    pub(crate) async fn remove(&self) {
        // The error has already been logged.
        let _ = self.change(Change::Delete(vec![self.key.clone()])).await;
    }

    async fn change(&self, change: Change) -> Result<(), StoreError> {
        let Self { file, .. } = self;
        let changed = file.store.change(&file.bucket, change, file.limits).await;
        let changed = changed.inspect_err(|error| {
            if error.concerns_the_operator() {
                file.log(error);
            }
        });
        changed.map(drop)
    }

    /// Returns the time until the timer is due, or zero if it is overdue. Returns `None` if there is no entry, or if
    /// the entry is not a time.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) async fn remaining(&self) -> Result<Option<Duration>, StoreError> {
        let value = self.file.store.get(&self.file.bucket, self.key.clone()).await?;
        let due = value.and_then(|value| String::from_utf8(value).ok()?.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(due.map(|due| Duration::from_millis(due).saturating_sub(now)))
    }

    pub(crate) fn log(&self, error: &StoreError) {
        self.file.log(error);
    }

    /// Returns whether this is the same entry of the same file.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file.store, &other.file.store)
            && (&self.file.bucket, &self.key) == (&other.file.bucket, &other.key)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Record").field(&self.key).finish()
    }
}

/// Returns a time in milliseconds, rounded up so that no timer fires before its time.
fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_between_two_milliseconds_is_rounded_up() {
        for (nanoseconds, expected) in
            [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)]
        {
            assert_eq!(milliseconds(UNIX_EPOCH + Duration::from_nanos(nanoseconds)), expected);
        }
    }
}
