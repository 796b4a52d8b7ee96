//! Work that takes long, on a thread where nobody else waits.

/// Runs work that waits for files or the like. It panics as it would in the task that asks for it.
///
/// # Cancel safety
///
/// The work goes on when the future is dropped. If the runtime ends before the work has begun, nothing comes of it.
pub(crate) async fn off_the_workers<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => std::future::pending().await,
    }
}
