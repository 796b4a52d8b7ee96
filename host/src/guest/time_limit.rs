//! The limit on the time of an event.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::cpu_clock::CpuClock;
use super::error::Fault;
use super::limits::LimitExceeded;

/// Waits for a call, but not longer than an event may take. (The call is borrowed so that there is room
/// for it once only: every connection carries this.) One that is dropped at the end of its time
/// leaves the instance in the middle of an event.
///
/// # Cancel safety
///
/// That of the call.
pub(super) async fn with_time_limit<T>(
    mut call: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
    max_time: Duration,
    clock: &CpuClock,
) -> Result<T, Fault> {
    // Most calls do not wait at all, and a timer costs more than many of them.
    let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    if let Poll::Ready(called) = first {
        return Ok(called?);
    }
    let mut time = pin!(sleep(max_time));
    let mut is_waiting = false;
    poll_fn(|context| {
        // Asked again at once, a call that lets others go on would not.
        if std::mem::replace(&mut is_waiting, true) {
            // While it waited it used no CPU time.
            clock.begin();
            if let Poll::Ready(called) = call.as_mut().poll(context) {
                return Poll::Ready(Ok(called?));
            }
        }
        let is_over = time.as_mut().poll(context);
        is_over.map(|()| Err(Fault::Limit(LimitExceeded::Time(max_time))))
    })
    .await
}
