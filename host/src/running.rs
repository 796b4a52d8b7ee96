//! Work that goes on whether anybody waits for it or not.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::slice::Sliced;

/// Work in a task of its own. It resolves to what the work gives, or to an error if that panicked or its runtime
/// has ended. Dropping it lets the work go on: there is no way to stop a call of a guest in the middle.
#[derive(Debug)]
pub(crate) struct Running<T>(JoinHandle<T>);

impl<T: Send + 'static> Running<T> {
    /// Starts work on a runtime, in [slices](crate::slice) of time.
    pub(crate) fn start(runtime: &Handle, work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(runtime.spawn(Sliced::new(work)))
    }
}

impl<T> Future for Running<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_for_it() {
        let (go_on, told) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let running = Running::start(&Handle::current(), async {
            let _ = told.await;
            let _ = done.send(());
        });
        drop(running);
        go_on.send(()).expect("it waits");
        assert_eq!(is_done.await, Ok(()));
    }

    #[tokio::test]
    async fn work_that_panics_says_so() {
        let running = Running::<()>::start(&Handle::current(), async { panic!("told to") });
        assert!(running.await.unwrap_err().is_panic());
    }
}
