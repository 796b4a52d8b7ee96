//! The clock of CPU budgets: it makes guests that compute stop and look at the time.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// How often the clock ticks while no guest computes for long. A finer clock would cost idle machines
/// more wake-ups.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// How often it ticks while one does. Such a guest yields at every tick, and this is how long the
/// other clients of its worker wait for it.
const FINE_TICK: Duration = Duration::from_micros(100);

/// Time as guests are charged for it: it moves on at ticks only, so that to read it costs nothing.
#[derive(Debug)]
pub(super) struct Clock {
    now: AtomicU64,
    /// Calls that have been computing for long.
    long_calls: AtomicUsize,
    thread: OnceLock<Thread>,
}

/// The piece of a call that runs now, since it began or went on after waiting.
#[derive(Debug)]
pub(super) struct Slice {
    clock: Arc<Clock>,
    began: AtomicU64,
}

/// A call that has been computing for long: while there is one, the clock ticks finely.
#[derive(Debug)]
pub(super) struct LongCall {
    clock: Arc<Clock>,
}

impl Clock {
    /// Starts the clock of an engine. It ticks until the engine is gone.
    pub(super) fn start(engine: &Engine) -> std::io::Result<Arc<Self>> {
        let clock = Arc::new(Self {
            now: AtomicU64::new(0),
            long_calls: AtomicUsize::new(0),
            thread: OnceLock::new(),
        });
        let (engine, ticking) = (engine.weak(), Arc::clone(&clock));
        let thread = std::thread::Builder::new().name("cpu-budget".into()).spawn(move || {
            let began = Instant::now();
            while let Some(engine) = engine.upgrade() {
                let now = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                ticking.now.store(now, Ordering::Relaxed);
                engine.increment_epoch();
                drop(engine);
                let is_fine = ticking.long_calls.load(Ordering::Relaxed) > 0;
                std::thread::park_timeout(if is_fine { FINE_TICK } else { TICK });
            }
        })?;
        // Set once, here; a second call is impossible.
        let _ = clock.thread.set(thread.thread().clone());
        Ok(clock)
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }
}

impl Slice {
    pub(super) fn new(clock: &Arc<Clock>) -> Self {
        Self { clock: Arc::clone(clock), began: AtomicU64::new(clock.now()) }
    }

    /// A new slice begins.
    pub(super) fn begin(&self) {
        self.began.store(self.clock.now(), Ordering::Relaxed);
    }

    /// For how long it has run, in nanoseconds, as of the last tick.
    pub(super) fn elapsed(&self) -> u64 {
        self.clock.now().saturating_sub(self.began.load(Ordering::Relaxed))
    }

    /// The whole call computes for long.
    pub(super) fn long_call(&self) -> LongCall {
        let Self { clock, .. } = self;
        if clock.long_calls.fetch_add(1, Ordering::Relaxed) == 0
            && let Some(thread) = clock.thread.get()
        {
            thread.unpark();
        }
        LongCall { clock: Arc::clone(clock) }
    }
}

impl Drop for LongCall {
    fn drop(&mut self) {
        self.clock.long_calls.fetch_sub(1, Ordering::Relaxed);
    }
}
