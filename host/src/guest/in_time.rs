//! The limit on the time of an event.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use super::call_clock::CallClock;
use super::error::Fault;
use super::limits::LimitExceeded;

/// Waits for a call, but not longer than an event may take. (The call is borrowed so that there is room
/// for it once only: every connection carries this.) One that is dropped at the end of its time
/// leaves the instance in the middle of an event.
///
/// # Cancel safety
///
/// That of the call.
pub(super) async fn in_time<T>(
    mut call: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
    max_time: Duration,
    clock: &CallClock,
) -> Result<T, Fault> {
    // Most calls do not wait at all, and a timer costs more than many of them.
    let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    if let Poll::Ready(called) = first {
        return Ok(called?);
    }
    // While it waits it uses no CPU time.
    let in_pieces = poll_fn(|context| {
        clock.begin();
        call.as_mut().poll(context)
    });
    match timeout(max_time, in_pieces).await {
        Ok(called) => Ok(called?),
        Err(_) => Err(Fault::Limit(LimitExceeded::Time(max_time))),
    }
}
