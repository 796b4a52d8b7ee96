//! A store: one file with the keys and values of any number of buckets.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use parking_lot::RwLock;
use redb::{Database, ReadOnlyTable, ReadableDatabase};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use super::change::{Change, MAX_BYTES_AT_ONCE, Outcome, check_key, check_keys};
use super::error::{OpenError, StoreError};
use super::queue::{Job, Queue};
use super::tables::{ENTRIES, StoreLimits, Tables};
use crate::blocking::{off_the_workers, wait_for_thread};

/// How many bytes of changes may be queued. Senders of further changes wait.
const MAX_WAITING: usize = 32 << 20;

/// How many reads of a store may run at once. Each takes a thread, and the number of threads for blocking work is
/// limited.
const MAX_READS: usize = 8;

/// The maximum number of keys of a page, and the total length of keys after which a page ends, in bytes.
const PAGE_KEYS: usize = 1_000;
const PAGE_BYTES: usize = 64 << 10;

/// The key-value store in one file. The result of a change is sent only after the change is on the disk.
pub(crate) struct Store {
    /// The open file. `None` after a failed commit, until the file is opened again.
    database: RwLock<Option<Database>>,
    reopen: Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>,
    queue: Queue,
    /// How many bytes of changes may still be queued.
    room: Arc<Semaphore>,
    reads: Semaphore,
    /// Dropped when the file is closed.
    closed: Option<SyncSender<()>>,
}

/// Some keys of a bucket, in the order of their bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) keys: Vec<String>,
    /// The last of these keys, if the bucket has more keys after it.
    pub(crate) cursor: Option<String>,
}

type Entries = ReadOnlyTable<(&'static str, &'static str), &'static [u8]>;

impl Store {
    /// Opens the file. `closed` is dropped when the file is closed.
    pub(super) fn open(
        open: impl Fn() -> Result<Database, OpenError> + Send + Sync + 'static,
        closed: SyncSender<()>,
    ) -> Result<Self, OpenError> {
        let database = prepared(open()?)?;
        Ok(Self {
            database: RwLock::new(Some(database)),
            reopen: Box::new(move || prepared(open()?)),
            queue: Queue::default(),
            room: Arc::new(Semaphore::new(MAX_WAITING)),
            reads: Semaphore::new(MAX_READS),
            closed: Some(closed),
        })
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Makes a change, and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. Nothing has changed, except after [`StoreError::Unavailable`]: in that case the change may have
    /// happened.
    ///
    /// # Cancel safety
    ///
    /// A queued change happens even if the future is dropped.
    pub(crate) async fn change(
        self: &Arc<Self>,
        bucket: &Arc<str>,
        change: Change,
        limits: StoreLimits,
    ) -> Result<Outcome, StoreError> {
        let cost = u32::try_from(change.check()?).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(cost).await;
        let room = room.expect("the semaphore is never closed");
        let (result, committed) = oneshot::channel();
        self.queue.add(Job { bucket: Arc::clone(bucket), change, limits, result, room }, self);
        let lost = |_| Err(StoreError::Unavailable("the change was interrupted".to_owned()));
        wait_for_thread(committed).await.unwrap_or_else(lost)
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) async fn get(
        self: &Arc<Self>,
        bucket: &Arc<str>,
        key: String,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(&key)?;
        let bucket = Arc::clone(bucket);
        self.read(move |entries| {
            let value = entries.get((&*bucket, &*key)).map_err(StoreError::unavailable)?;
            Ok(value.map(|value| value.value().to_vec()))
        })
        .await
    }

    /// Returns whether a key exists.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) async fn exists(
        self: &Arc<Self>,
        bucket: &Arc<str>,
        key: String,
    ) -> Result<bool, StoreError> {
        check_key(&key)?;
        let bucket = Arc::clone(bucket);
        self.read(move |entries| {
            let value = entries.get((&*bucket, &*key)).map_err(StoreError::unavailable)?;
            Ok(value.is_some())
        })
        .await
    }

    /// Returns several keys and their values.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. It is an error if the values have more than 4 MiB.
    pub(crate) async fn get_many(
        self: &Arc<Self>,
        bucket: &Arc<str>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<(String, Vec<u8>)>>, StoreError> {
        check_keys(&keys)?;
        let bucket = Arc::clone(bucket);
        self.read(move |entries| {
            let (mut found, mut bytes) = (Vec::with_capacity(keys.len()), 0);
            for key in keys {
                let value = entries.get((&*bucket, &*key)).map_err(StoreError::unavailable)?;
                bytes += value.as_ref().map_or(0, |value| value.value().len());
                if bytes > MAX_BYTES_AT_ONCE {
                    return Err(StoreError::TooLong(
                        "the values of one call must have at most 4 MiB",
                    ));
                }
                found.push(value.map(|value| (key, value.value().to_vec())));
            }
            Ok(found)
        })
        .await
    }

    /// Returns the keys of a bucket after `cursor`, up to the size of a page.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) async fn list(
        self: &Arc<Self>,
        bucket: &Arc<str>,
        cursor: Option<String>,
    ) -> Result<Page, StoreError> {
        // Any string is a valid cursor, even if there is no such key.
        cursor.as_deref().map_or(Ok(0), check_key)?;
        let bucket = Arc::clone(bucket);
        self.read(move |entries| {
            let first = match &cursor {
                None => Bound::Included((&*bucket, "")),
                Some(cursor) => Bound::Excluded((&*bucket, &**cursor)),
            };
            let range = entries.range::<(&str, &str)>((first, Bound::Unbounded));
            let (mut keys, mut bytes) = (Vec::new(), 0);
            for entry in range.map_err(StoreError::unavailable)? {
                let (place, _) = entry.map_err(StoreError::unavailable)?;
                let (of, key) = place.value();
                if of != &*bucket {
                    break;
                }
                if keys.len() == PAGE_KEYS || bytes > PAGE_BYTES {
                    return Ok(Page { cursor: keys.last().cloned(), keys });
                }
                bytes += key.len();
                keys.push(key.to_owned());
            }
            Ok(Page { keys, cursor: None })
        })
        .await
    }

    /// Reads on a blocking thread.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Entries) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.reads.acquire().await.expect("the semaphore is never closed");
        let store = Arc::clone(self);
        let result = off_the_workers(move || {
            let database = store.database.read();
            let closed =
                || StoreError::Unavailable("an earlier write to the file failed".to_owned());
            let reading = database.as_ref().ok_or_else(closed)?.begin_read();
            let reading = reading.map_err(StoreError::unavailable)?;
            work(&reading.open_table(ENTRIES).map_err(StoreError::unavailable)?)
        })
        .await;
        drop(permit);
        result
    }

    /// Commits the changes of these jobs together, and then sends the results. Blocks the thread.
    pub(super) fn commit(&self, jobs: Vec<Job>) {
        let (mut waiting, mut changes) = (Vec::new(), Vec::new());
        for Job { bucket, change, limits, result, room } in jobs {
            waiting.push((result, room));
            changes.push((bucket, change, limits));
        }
        let done = self.opened().and_then(|()| self.try_commit(changes));
        let done = done.map_err(StoreError::Unavailable);
        // Sending a result fails if the event has been given up.
        match done {
            Ok(results) => {
                for ((job, _), result) in waiting.into_iter().zip(results) {
                    let _ = job.send(result);
                }
            }
            Err(error) => {
                // After some errors, for example when the disk is full, redb refuses everything until the file is
                // opened again.
                self.database.write().take();
                for (job, _) in waiting {
                    let _ = job.send(Err(error.clone()));
                }
            }
        }
    }

    /// Opens the file again if it was closed after an error.
    fn opened(&self) -> Result<(), String> {
        let mut database = self.database.write();
        if database.is_none() {
            *database = Some((self.reopen)().map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn try_commit(
        &self,
        changes: Vec<(Arc<str>, Change, StoreLimits)>,
    ) -> Result<Vec<Result<Outcome, StoreError>>, String> {
        let database = self.database.read();
        let database = database.as_ref().ok_or("an earlier write to the file failed")?;
        let commit = || -> Result<_, redb::Error> {
            let writing = database.begin_write()?;
            let mut tables = Tables::open(&writing)?;
            let mut results = Vec::with_capacity(changes.len());
            for (bucket, change, limits) in changes {
                results.push(tables.apply(&bucket, change, limits)?);
            }
            tables.finish()?;
            writing.commit()?;
            Ok(results)
        };
        commit().map_err(|error| error.to_string())
    }
}

/// Creates the tables of a new file, and checks the format of an old one.
fn prepared(database: Database) -> Result<Database, OpenError> {
    let prepare = || -> Result<_, redb::Error> {
        let writing = database.begin_write()?;
        let mut tables = Tables::open(&writing)?;
        let checked = tables.check_format()?;
        tables.finish()?;
        writing.commit()?;
        Ok(checked)
    };
    prepare().map_err(|error| OpenError::Foreign(error.to_string()))??;
    Ok(database)
}

impl Drop for Store {
    /// Closes the file on another thread, because closing writes to the disk.
    fn drop(&mut self) {
        let (database, closed) = (self.database.get_mut().take(), self.closed.take());
        let close = move || {
            drop(database);
            drop(closed);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(close)),
            Err(_) => close(),
        }
    }
}
