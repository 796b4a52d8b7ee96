//! Workers: threads on which actors and their connections live.
//!
//! An actor and all its connections have one home. So a message never changes threads on its way from
//! the socket to the guest and back, and what is locked is locked without a contender.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// How many tasks run before the system is asked for new events. Somewhat more than the default of 61:
/// under load each asking is shared by more messages.
const EVENT_INTERVAL: u32 = 256;

/// A runtime for one worker: everything on one thread.
///
/// # Errors
///
/// What the system says when it has no more files.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    Builder::new_current_thread().enable_all().event_interval(EVENT_INTERVAL).build()
}

/// All workers of a server. Dropping them ends their threads, but for the first one, which is the
/// thread that they were started on.
#[derive(Debug)]
pub(crate) struct Workers {
    all: Vec<Arc<Worker>>,
    _running: watch::Sender<()>,
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
    /// The current runtime is the first worker; the others get a thread each.
    ///
    /// # Errors
    ///
    /// What the system says when it has no more threads or files.
    pub(crate) fn start(count: usize) -> std::io::Result<Self> {
        let (running, stop) = watch::channel(());
        let mut all = vec![Worker::of(Handle::current())];
        for number in 1..count {
            let runtime = runtime()?;
            all.push(Worker::of(runtime.handle().clone()));
            let mut stop = stop.clone();
            std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                // An error is what ends it: the sender is gone.
                let _ = runtime.block_on(stop.changed());
                // A handler that sleeps on must not keep the thread.
                runtime.shutdown_background();
            })?;
        }
        Ok(Self { all, _running: running })
    }

    /// A home for a new actor: where the fewest are.
    pub(crate) fn home(&self) -> Home {
        let fewest = self.all.iter().min_by_key(|worker| worker.actors.load(Ordering::Relaxed));
        let worker = Arc::clone(fewest.unwrap_or(&self.all[0]));
        worker.actors.fetch_add(1, Ordering::Relaxed);
        Home(worker)
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
