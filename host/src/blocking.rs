//! Work that takes long. It runs on a thread of its own, where it delays no task.

use tokio::task::{JoinError, spawn_blocking};

#[cfg(feature = "testing")]
use self::in_progress::InProgress;
#[cfg(feature = "testing")]
pub(crate) use self::in_progress::is_in_progress;

/// Runs work that waits for files or computes for a long time. If the work panics, the calling task panics too.
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
/// The same as for [`off_the_workers`].
pub(crate) async fn try_off_the_workers<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    match wait_for_thread(spawn_blocking(work)).await {
        Err(error) if error.is_cancelled() => std::future::pending().await,
        done => done,
    }
}

/// Waits for the result of work on another thread.
///
/// # Cancel safety
///
/// This is as cancel-safe as `result`.
pub(crate) async fn wait_for_thread<T>(result: impl Future<Output = T>) -> T {
    #[cfg(feature = "testing")]
    let _in_progress = InProgress::new();
    result.await
}

/// Records whether tasks of this thread wait for work on other threads. If they do, a test whose host runs on this
/// thread must wait too.
#[cfg(feature = "testing")]
mod in_progress {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn is_in_progress() -> bool {
        COUNT.get() > 0
    }

    /// Records a waiting task until this value is dropped.
    pub(super) struct InProgress;

    impl InProgress {
        pub(super) fn new() -> Self {
            COUNT.set(COUNT.get().wrapping_add(1));
            Self
        }
    }

    impl Drop for InProgress {
        fn drop(&mut self) {
            // In a runtime with several threads, the task may have begun on another thread. The count of this thread
            // may then be zero, so decrementing it wraps around. No test has such a runtime.
            COUNT.set(COUNT.get().wrapping_sub(1));
        }
    }
}
