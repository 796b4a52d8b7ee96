//! Time that stands still until a test lets it pass.
//!
//! The whole host runs on one thread, on tokio's paused clock. This clock jumps to the next timer when no task can run.
//! While a test lets time pass, the clock should jump. While time must stand still, the clock must not jump. [`Quiet`]
//! then finds the moment just before the clock would jump. At that moment, everything has happened, except what waits
//! for time to pass.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout};

use super::log::Log;
use crate::blocking::is_in_progress;
use crate::slice;

/// The longest time that a test waits for work that the host does on other threads, such as a reload. The host's own
/// limits end such work much earlier.
const MAX_WORK: Duration = Duration::from_secs(60 * 60);

/// A single-threaded runtime with its own clock.
pub(super) struct Clock {
    runtime: Runtime,
    quiet: Arc<Quiet>,
    started: Instant,
    log: Log,
}

/// Finds the moment at which no task can run.
#[derive(Debug, Default)]
struct Quiet(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: Option<Waker>,
    is_reached: bool,
}

impl Quiet {
    /// Called when no task can run. After this call, tokio's clock jumps, unless another thread is working for a task,
    /// or the call has woken a task.
    fn reached(&self) {
        if is_in_progress() {
            return;
        }
        let mut state = self.0.lock();
        if let Some(waker) = state.waiting.take() {
            state.is_reached = true;
            waker.wake();
        }
    }

    /// Waits until no other task can run.
    async fn wait(&self) {
        self.0.lock().is_reached = false;
        poll_fn(|context| {
            let mut state = self.0.lock();
            if state.is_reached {
                return Poll::Ready(());
            }
            state.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Clock {
    /// # Errors
    ///
    /// The error of the operating system, for example if no more files can be opened.
    pub(super) fn new() -> std::io::Result<Self> {
        let quiet = Arc::new(Quiet::default());
        let parking = Arc::clone(&quiet);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .on_thread_park(move || parking.reached())
            .build()?;
        let started = runtime.block_on(async { Instant::now() });
        Ok(Self { runtime, quiet, started, log: Log::new(started) })
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns how much time has passed.
    pub(super) fn elapsed(&self) -> Duration {
        self.block_on(async { self.started.elapsed() })
    }

    /// Runs until nothing more can happen while time stands still.
    pub(super) fn run_until_quiet(&self) {
        self.block_on(self.quiet.wait());
    }

    /// Runs work while time stands still. Returns `None` if the work needs time.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.block_on(async {
            tokio::select! {
                biased;
                done = work => Some(done),
                () = self.quiet.wait() => None,
            }
        })
    }

    /// Runs work. If the work needs time, lets up to `limit` pass. Returns `None` if that is not enough.
    pub(super) fn run_within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        match limit.is_zero() {
            true => self.run(work),
            false => self.block_on(async { timeout(limit, work).await.ok() }),
        }
    }

    /// Runs work that uses other threads, for example to compile components. Lets time pass if the work needs it.
    pub(super) fn finish<T>(&self, work: impl Future<Output = T>) -> T {
        self.block_on(async {
            timeout(MAX_WORK, work).await.expect("the host's limits end this work within an hour")
        })
    }

    /// Lets time pass. Everything that is due in this time happens, in order.
    pub(super) fn advance(&self, time: Duration) {
        self.block_on(async {
            sleep(time).await;
            self.quiet.wait().await;
        });
    }

    /// Starts a task. It runs while the test waits for something.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.log.record(|| slice::without_end(|| self.runtime.block_on(work)))
    }
}
