//! The limit on the time of an event (`max-time`).

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::cpu_clock::CpuClock;
use super::error::Fault;
use super::limits::LimitExceeded;

/// Limits the time of each call into an instance.
pub(super) struct TimeLimit {
    max_time: Duration,
    clock: Arc<CpuClock>,
}

impl TimeLimit {
    pub(super) fn new(max_time: Duration, clock: Arc<CpuClock>) -> Self {
        Self { max_time, clock }
    }

    /// Waits for a call, but not longer than an event may take. The call is borrowed to keep this future small: every
    /// connection stores it, and a call that is passed by value would be stored in it twice. If the time is over and
    /// the caller drops the call, the instance is left in the middle of an event.
    ///
    /// # Errors
    ///
    /// The [`Fault`] of the call, or that the time is over.
    ///
    /// # Cancel safety
    ///
    /// That of the call.
    pub(super) async fn wait<T>(
        &self,
        mut call: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
    ) -> Result<T, Fault> {
        // Most calls do not wait at all, and a timer costs more than many calls.
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(called) = first {
            return Ok(called?);
        }
        let mut time = pin!(sleep(self.max_time));
        let mut is_waiting = false;
        poll_fn(|context| {
            // A call that has just yielded must not be polled again at once: no other task would have run.
            if std::mem::replace(&mut is_waiting, true) {
                // The call used no CPU time while it was suspended.
                self.clock.restart();
                if let Poll::Ready(called) = call.as_mut().poll(context) {
                    return Poll::Ready(Ok(called?));
                }
            }
            let is_over = time.as_mut().poll(context);
            is_over.map(|()| Err(LimitExceeded::Time(self.max_time).into()))
        })
        .await
    }
}
