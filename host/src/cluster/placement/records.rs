//! What placement needs of a broker: records that are replaced by compare-and-swap.

use std::time::Duration;

use bytes::Bytes;

use super::key::{Key, LeaseId};

/// A record as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Rises with every write to any record.
    pub(crate) revision: u64,
    pub(crate) content: Bytes,
}

/// Why records could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    /// The broker did not answer. A write may still be done, now or later.
    #[error("the broker does not answer: {0}")]
    Unavailable(String),
    /// There are no records: the broker was never used for this cluster, or has lost its data.
    #[error("the broker has no records of this cluster")]
    Missing,
    /// The broker refuses, and will until somebody changes something.
    #[error("{0}")]
    Refused(String),
}

/// Why a record was not written.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// It has another revision than expected.
    #[error("another host has changed the record")]
    Raced,
    #[error(transparent)]
    Failed(#[from] RecordsError),
}

/// The records of a cluster. A read may be stale. A write is not: it is done only if the record has the expected
/// revision at that moment, everywhere.
pub(crate) trait Records: Send + Sync + 'static {
    /// Makes the place for records, if there is none yet.
    fn create(&self) -> impl Future<Output = Result<(), RecordsError>> + Send;

    fn read(&self, key: &Key) -> impl Future<Output = Result<Option<Entry>, RecordsError>> + Send;

    /// Returns the first lease whose revision is `from` or higher.
    fn next_lease(
        &self,
        from: u64,
    ) -> impl Future<Output = Result<Option<(LeaseId, Entry)>, RecordsError>> + Send;

    /// Writes a record whose revision is `expected`; 0: that does not exist. Returns its new revision.
    fn write(
        &self,
        key: &Key,
        content: Bytes,
        expected: u64,
    ) -> impl Future<Output = Result<u64, WriteError>> + Send;

    /// Removes a record unless its revision is higher than `revision`.
    fn remove(
        &self,
        key: &Key,
        revision: u64,
    ) -> impl Future<Output = Result<(), RecordsError>> + Send;
}

/// Limits the time of a request, whatever it waits for.
pub(crate) async fn within<T, E: From<RecordsError>>(
    time: Duration,
    request: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(time, request).await {
        Ok(result) => result,
        Err(_) => Err(RecordsError::Unavailable(format!("nothing came for {time:?}")).into()),
    }
}
