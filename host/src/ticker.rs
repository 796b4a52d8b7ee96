//! Time that costs nothing to read: it moves on at the ticks of one thread.
//!
//! The thread of the process ticks every 10 ms, and every 0.1 ms while somebody computes for long. Guests are
//! interrupted at ticks, and tasks look at this time to find out whether others should go on.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often it ticks while nobody computes for long. A finer one would cost idle machines more wake-ups.
const TICK: Duration = Duration::from_millis(10);

/// How often it ticks while somebody does: that long the others of the worker wait.
const FINE_TICK: Duration = Duration::from_micros(100);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time of the last tick, in nanoseconds since the start.
static NOW: AtomicU64 = AtomicU64::new(0);

/// For how long it ticks finely after somebody was found to compute for long, in nanoseconds.
const FINE_FOR: u64 = 20_000_000;

/// Until when it ticks finely.
static FINE_UNTIL: AtomicU64 = AtomicU64::new(0);

static TICKER: Mutex<Ticker> = Mutex::new(Ticker { thread: None, watchers: Vec::new() });

struct Ticker {
    /// There is one as long as there are watchers.
    thread: Option<Thread>,
    watchers: Vec<Watcher>,
}

/// What is done at every tick, until it answers that it is not needed any more.
type Watcher = Box<dyn FnMut() -> Repeat + Send>;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Yes,
    No,
}

/// The time as of the last tick, in nanoseconds.
#[inline(always)]
pub(crate) fn now() -> u64 {
    NOW.load(Ordering::Relaxed)
}

/// Does something at every tick.
///
/// # Errors
///
/// What the system says when it has no thread left.
pub(crate) fn on_every_tick(act: impl FnMut() -> Repeat + Send + 'static) -> std::io::Result<()> {
    let mut ticker = TICKER.lock();
    if ticker.thread.is_none() {
        let thread = std::thread::Builder::new().name("ticker".into()).spawn(tick)?;
        ticker.thread = Some(thread.thread().clone());
    }
    ticker.watchers.push(Box::new(act));
    Ok(())
}

fn tick() {
    loop {
        {
            let mut ticker = TICKER.lock();
            let now = u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX);
            NOW.store(now, Ordering::Relaxed);
            ticker.watchers.retain_mut(|act| act() == Repeat::Yes);
            if ticker.watchers.is_empty() {
                ticker.thread = None;
                return;
            }
        }
        let is_fine = now() < FINE_UNTIL.load(Ordering::Relaxed);
        std::thread::park_timeout(if is_fine { FINE_TICK } else { TICK });
    }
}

/// Whoever calls this computes for long: from now on, and for a while, it ticks finely.
pub(crate) fn request_fine_ticks() {
    let now = now();
    if FINE_UNTIL.swap(now + FINE_FOR, Ordering::Relaxed) <= now
        && let Some(thread) = &TICKER.lock().thread
    {
        thread.unpark();
    }
}

/// Returns when the time is later than that of the start.
#[cfg(test)]
pub(crate) fn wait_for_a_tick() -> std::io::Result<()> {
    let (ticked, tick) = std::sync::mpsc::sync_channel(1);
    on_every_tick(move || match now() {
        0 => Repeat::Yes,
        _ => {
            let _ = ticked.send(());
            Repeat::No
        }
    })?;
    let _ = tick.recv();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, TrySendError};

    use super::*;

    #[test]
    fn time_moves_on_while_somebody_needs_it() -> std::io::Result<()> {
        let (ticked, ticks) = mpsc::sync_channel(1);
        // The thread ends the watcher when nobody listens any more, and waits for nobody.
        on_every_tick(move || match ticked.try_send(now()) {
            Ok(()) | Err(TrySendError::Full(_)) => Repeat::Yes,
            Err(TrySendError::Disconnected(_)) => Repeat::No,
        })?;
        let some: Vec<u64> = ticks.iter().take(5).collect();
        assert!(some.is_sorted_by(|earlier, later| earlier < later), "{some:?}");
        Ok(())
    }
}
