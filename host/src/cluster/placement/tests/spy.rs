//! The records of a real broker. A test can delay or lose the answers to renewals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::super::*;
use crate::cluster::nats::NatsRecords;

pub(super) struct Spy {
    pub(super) real: Arc<NatsRecords>,
    /// How many answers to writes of leases may still arrive.
    pub(super) answers: Semaphore,
    /// Whether the next read of a lease finds nothing, as if it were answered by a server that is no longer the leader.
    pub(super) is_stale: AtomicBool,
    /// Whether the answer to a successful write is lost.
    pub(super) loses_answers: AtomicBool,
    /// The first search for a claim with a higher revision fails, unless this is 0.
    pub(super) fails_after: AtomicU64,
    /// How many bytes of states are being written, and the most that were written at the same time.
    pub(super) saving: Mutex<(usize, usize)>,
    /// How many records were read by their names.
    pub(super) reads: AtomicU64,
    /// When each write to a lease began, and the broker's result, even if the test then lost it.
    pub(super) writes: Mutex<Vec<(BootTime, Result<u64, WriteError>)>>,
}

impl Spy {
    pub(super) fn on(real: Arc<NatsRecords>) -> Arc<Self> {
        Arc::new(Self {
            real,
            answers: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            is_stale: AtomicBool::new(false),
            loses_answers: AtomicBool::new(false),
            fails_after: AtomicU64::new(0),
            saving: Mutex::default(),
            reads: AtomicU64::new(0),
            writes: Mutex::default(),
        })
    }
}

impl Records for Spy {
    async fn create(&self) -> Result<(), RecordsError> {
        self.real.create().await
    }

    fn max_state(&self) -> usize {
        self.real.max_state()
    }

    async fn read(&self, key: &Key) -> Result<Option<Entry>, RecordsError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if matches!(key, Key::Lease(_)) && self.is_stale.swap(false, Ordering::Relaxed) {
            return Ok(None);
        }
        self.real.read(key).await
    }

    async fn next_lease(
        &self,
        from: u64,
    ) -> Result<Option<(Option<LeaseId>, Entry)>, RecordsError> {
        self.real.next_lease(from).await
    }

    async fn next_claim(&self, from: u64) -> Result<Option<(Key, Entry)>, RecordsError> {
        let after = self.fails_after.load(Ordering::Relaxed);
        if after > 0 && from > after {
            self.fails_after.store(0, Ordering::Relaxed);
            return Err(RecordsError::Unavailable("lost by the test".to_owned()));
        }
        self.real.next_claim(from).await
    }

    async fn write(&self, key: &Key, content: Bytes, expected: u64) -> Result<u64, WriteError> {
        if !matches!(key, Key::Lease(_)) {
            let bytes = if matches!(key, Key::State(_)) { content.len() } else { 0 };
            {
                let mut saving = self.saving.lock();
                saving.0 += bytes;
                saving.1 = saving.1.max(saving.0);
            }
            let result = self.real.write(key, content, expected).await;
            self.saving.lock().0 -= bytes;
            return result;
        }
        let begun = BootTime::now();
        let result = self.real.write(key, content, expected).await;
        self.writes.lock().push((begun, result.clone()));
        self.answers.acquire().await.expect("never closed").forget();
        if result.is_ok() && self.loses_answers.load(Ordering::Relaxed) {
            return Err(RecordsError::Unavailable("lost by the test".to_owned()).into());
        }
        result
    }

    async fn remove(&self, key: &Key, revision: u64) -> Result<(), RecordsError> {
        self.real.remove(key, revision).await
    }
}
