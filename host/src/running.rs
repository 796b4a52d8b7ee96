//! Tasks that continue when nobody waits for them.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::slice::Sliced;

/// A handle to work that runs in a separate task. It resolves to the result of the work, or to an error if the work
/// panicked or its runtime has ended. Dropping the handle does not stop the work, because a call into a guest cannot be
/// stopped midway.
#[derive(Debug)]
pub(crate) struct Running<T>(JoinHandle<T>);

impl<T: Send + 'static> Running<T> {
    /// Starts work on a runtime, in time [slices](crate::slice).
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
    async fn work_continues_when_its_handle_is_dropped() {
        let (send_start, start) = oneshot::channel::<()>();
        let (send_done, done) = oneshot::channel();
        let running = Running::start(&Handle::current(), async {
            let _ = start.await;
            let _ = send_done.send(());
        });
        drop(running);
        send_start.send(()).expect("the work waits");
        assert_eq!(done.await, Ok(()));
    }

    #[tokio::test]
    async fn panic_of_the_work_is_an_error() {
        let running = Running::<()>::start(&Handle::current(), async { panic!("expected") });
        assert!(running.await.unwrap_err().is_panic());
    }
}
