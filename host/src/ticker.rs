//! A clock that costs nothing to read, because a thread advances it at every tick.
//!
//! There is one such thread in the process. It ticks every 10 ms, and every 0.1 ms during a long computation. Guests
//! are interrupted at ticks. Tasks read this clock to find out whether they should yield.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The tick interval while no long computation is running. A shorter interval would wake idle machines more often.
const TICK: Duration = Duration::from_millis(10);

/// The tick interval during a long computation. A guest that computes for a long time yields to the other tasks of its
/// worker after this time.
const FINE_TICK: Duration = Duration::from_micros(100);

/// The zero of the clock: the time of the first tick of the process.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time of the last tick, in nanoseconds since [`START`].
static NOW: AtomicU64 = AtomicU64::new(0);

/// How long the interval stays at [`FINE_TICK`] after a request.
const FINE_FOR: u64 = 20_000_000;

/// The interval is [`FINE_TICK`] until this time, in nanoseconds since [`START`].
static FINE_UNTIL: AtomicU64 = AtomicU64::new(0);

static TICKER: Mutex<Ticker> = Mutex::new(Ticker { thread: None, callbacks: Vec::new() });

struct Ticker {
    /// The thread, which runs while there are callbacks.
    thread: Option<Thread>,
    callbacks: Vec<Callback>,
}

/// A function that is called at every tick, until it returns [`Repeat::No`].
type Callback = Box<dyn FnMut() -> Repeat + Send>;

/// Whether to call a callback again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Yes,
    No,
}

/// Returns the time of the last tick, in nanoseconds since the first tick.
#[inline(always)]
pub(crate) fn now() -> u64 {
    NOW.load(Ordering::Relaxed)
}

/// Returns the exact current time, in nanoseconds since the first tick, as in [`now`].
pub(crate) fn exact_now() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Calls a function at every tick.
///
/// # Errors
///
/// The error of the operating system if no thread can be started.
pub(crate) fn on_every_tick(
    callback: impl FnMut() -> Repeat + Send + 'static,
) -> std::io::Result<()> {
    let mut ticker = TICKER.lock();
    if ticker.thread.is_none() {
        let thread = std::thread::Builder::new().name("ticker".into()).spawn(tick)?;
        ticker.thread = Some(thread.thread().clone());
    }
    ticker.callbacks.push(Box::new(callback));
    Ok(())
}

fn tick() {
    loop {
        {
            let mut ticker = TICKER.lock();
            NOW.store(exact_now(), Ordering::Relaxed);
            ticker.callbacks.retain_mut(|callback| callback() == Repeat::Yes);
            if ticker.callbacks.is_empty() {
                ticker.thread = None;
                return;
            }
        }
        let is_fine = now() < FINE_UNTIL.load(Ordering::Relaxed);
        std::thread::park_timeout(if is_fine { FINE_TICK } else { TICK });
    }
}

/// Sets the interval to [`FINE_TICK`] for the next [`FINE_FOR`] nanoseconds. Called by tasks that compute for a long
/// time.
pub(crate) fn request_fine_ticks() {
    let now = now();
    if FINE_UNTIL.swap(now + FINE_FOR, Ordering::Relaxed) <= now
        && let Some(thread) = &TICKER.lock().thread
    {
        thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, TrySendError};

    use super::*;

    #[test]
    fn clock_advances_while_a_callback_needs_it() -> std::io::Result<()> {
        let (ticked, ticks) = mpsc::sync_channel(1);
        // The callback never blocks the thread. It is no longer called when the receiver has been dropped.
        on_every_tick(move || match ticked.try_send(now()) {
            Ok(()) | Err(TrySendError::Full(_)) => Repeat::Yes,
            Err(TrySendError::Disconnected(_)) => Repeat::No,
        })?;
        let times: Vec<u64> = ticks.iter().take(5).collect();
        assert!(times.is_sorted_by(|earlier, later| earlier < later), "{times:?}");
        Ok(())
    }
}
