//! Work that takes long, on a thread of its own where no task waits for it.

use tokio::task::{JoinError, spawn_blocking};

/// Runs work that waits for files or computes for long. A panic in it continues in the calling task.
///
/// # Cancel safety
///
/// The work continues when the future is dropped. If the runtime ends before the work has begun, the work never runs
/// and the future never resolves.
pub(crate) async fn off_the_workers<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match try_off_the_workers(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Does the same as [`off_the_workers`], but returns a panic in the work as an error.
///
/// # Cancel safety
///
/// As with [`off_the_workers`].
pub(crate) async fn try_off_the_workers<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    match spawn_blocking(work).await {
        Err(error) if error.is_cancelled() => std::future::pending().await,
        done => done,
    }
}
