//! The interface that placement needs from a broker: records that are replaced by compare-and-swap.

use std::time::Duration;

use bytes::Bytes;

use super::key::{Key, LeaseId};

/// A record as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// A number that increases with every write to any record.
    pub(crate) revision: u64,
    pub(crate) content: Bytes,
}

/// Why records could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    /// The broker did not answer. A write may have been applied, or may still be applied later.
    #[error("the broker does not answer: {0}")]
    Unavailable(String),
    /// There are no records. Either the broker was never used for this cluster, or it has lost its data.
    #[error("the broker has no records of this cluster")]
    Missing,
    /// The broker refuses the request, and will refuse it until an operator changes something.
    #[error("{0}")]
    Refused(String),
}

/// Why a record was not written.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The record does not have the expected revision.
    #[error("another host has changed the record")]
    Raced,
    #[error(transparent)]
    Failed(#[from] RecordsError),
}

/// The records of a cluster. A read may be stale. Writes are linearizable: a write is applied only if the record has
/// the expected revision at that moment.
pub(crate) trait Records: Send + Sync + 'static {
    /// Creates the storage for records, if it does not exist yet.
    fn create(&self) -> impl Future<Output = Result<(), RecordsError>> + Send;

    /// Returns the maximum size of a state, in bytes. The record of a state may be longer by its header.
    fn max_state(&self) -> usize;

    fn read(&self, key: &Key) -> impl Future<Output = Result<Option<Entry>, RecordsError>> + Send;

    /// Returns the first lease whose revision is `from` or higher. There is no name if the broker's name for the
    /// record is not that of a lease. No host wrote such a record.
    fn next_lease(
        &self,
        from: u64,
    ) -> impl Future<Output = Result<Option<(Option<LeaseId>, Entry)>, RecordsError>> + Send;

    /// Returns the first claim whose revision is `from` or higher.
    fn next_claim(
        &self,
        from: u64,
    ) -> impl Future<Output = Result<Option<(Key, Entry)>, RecordsError>> + Send;

    /// Writes a record if its revision is `expected`. The revision 0 means that the record does not exist. Returns the
    /// new revision.
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

/// Limits the total time of a request.
pub(crate) async fn within<T, E: From<RecordsError>>(
    time: Duration,
    request: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(time, request).await {
        Ok(result) => result,
        Err(_) => Err(RecordsError::Unavailable(format!("no response within {time:?}")).into()),
    }
}
