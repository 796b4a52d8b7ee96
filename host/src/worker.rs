//! Workers: threads on which actors and their connections live.
//!
//! An actor and all its connections have one home. So a message never changes threads on its way from
//! the socket to the guest and back, and what is locked is locked without a contender.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// How many tasks run before the system is asked for new events. Somewhat more than the default of 61:
/// under load each asking is shared by more messages.
const EVENT_INTERVAL: u32 = 256;

/// How nice threads are that work for nobody who waits: they compile components and give memory back. On
/// a busy machine that must not keep messages from being served.
const NICE: i32 = 10;

/// A runtime for one worker: everything on one thread, but for what takes long.
///
/// # Errors
///
/// What the system says when it has no more files.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        // Of such a runtime these are the threads for what takes long alone.
        .on_thread_start(|| {
            // One that stays as it was works too.
            let _ = rustix::process::nice(NICE);
        })
        .build()
}

/// All workers of a host. Dropping them ends their threads, but for the first one, which is the
/// runtime that they were started on.
#[derive(Debug)]
pub(crate) struct Workers {
    max: NonZeroUsize,
    all: Mutex<Vec<Arc<Worker>>>,
    running: watch::Sender<()>,
}

/// One worker.
#[derive(Debug)]
pub(crate) struct Worker {
    handle: Handle,
    actors: AtomicUsize,
}

/// An actor's place on its worker.
#[derive(Debug)]
pub(crate) struct Home(Arc<Worker>);

impl Workers {
    /// The current runtime is the first worker. The others get a thread each when there is work for
    /// them: a second thread makes the first one slower.
    pub(crate) fn start(max: NonZeroUsize) -> Self {
        let first = Worker::of(Handle::current());
        Self { max, all: Mutex::new(vec![first]), running: watch::Sender::new(()) }
    }

    /// A home for a new actor: where the fewest are.
    pub(crate) fn home(&self) -> Home {
        let mut all = self.all.lock();
        let is_idle = |worker: &Arc<Worker>| worker.actors.load(Ordering::Relaxed) == 0;
        if all.len() < self.max.get() && !all.iter().any(is_idle) {
            match self.one_more(all.len()) {
                Ok(worker) => all.push(worker),
                Err(error) => tracing::warn!(
                    "goes on with {} workers, as one more cannot be started: {error}",
                    all.len()
                ),
            }
        }
        let fewest = all.iter().min_by_key(|worker| worker.actors.load(Ordering::Relaxed));
        let worker = Arc::clone(fewest.unwrap_or(&all[0]));
        worker.actors.fetch_add(1, Ordering::Relaxed);
        Home(worker)
    }

    fn one_more(&self, number: usize) -> std::io::Result<Arc<Worker>> {
        let runtime = runtime()?;
        let worker = Worker::of(runtime.handle().clone());
        let mut stop = self.running.subscribe();
        std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            // An error is what ends it: the sender is gone.
            let _ = runtime.block_on(stop.changed());
            // A handler that sleeps on must not keep the thread.
            runtime.shutdown_background();
        })?;
        Ok(worker)
    }
}

impl Worker {
    fn of(handle: Handle) -> Arc<Self> {
        Arc::new(Self { handle, actors: AtomicUsize::new(0) })
    }
}

impl Home {
    /// The runtime of the worker.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.handle
    }

    /// Whether this is the worker that runs the current task.
    pub(crate) fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.0.handle.id())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.0.actors.fetch_sub(1, Ordering::Relaxed);
    }
}
