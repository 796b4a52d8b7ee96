//! Workers: threads on which actors and their connections live.
//!
//! An actor and all its connection tasks live on one worker, so their locks are almost never contended. The socket of
//! an HTTP/1.1 connection moves to that worker after the handshake, unless it is already there. After that, messages
//! never change threads between the socket and the guest. The stream of an HTTP/2 or embedded connection does not move,
//! so its bytes may change threads.
//!
//! The worker with the least load reads the request of a new connection. If an actor is created for the connection, the
//! actor lives on the same worker, unless another worker has fewer actors. So most connections stay on the worker that
//! read their request.
//!
//! Every worker is a separate thread. The main thread is not a worker. It runs the main runtime, on which the host was
//! started. It serves the admin address, performs reloads, and checks that the workers respond. The first worker
//! accepts connections. The main thread accepts and serves connections only while workers are busy.

mod liveness;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Id};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use self::liveness::Liveness;
use crate::log_rate::{Line, LogRate};
use crate::running::Running;
use crate::slice::LongestSlice;

/// The number of tasks that run between two polls of the kernel for events. This is more than the default of 61, so
/// that more messages share one poll under load.
const EVENT_INTERVAL: u32 = 256;

/// The niceness of the threads for blocking work. This work compiles components and frees memory, and must not delay
/// messages on a busy machine.
const NICE: i32 = 10;

/// Limits the log lines about workers that cannot be started. Without the limit there could be many, because each new
/// actor causes another attempt.
static NOT_STARTED: LogRate = LogRate::new();

/// Builds a single-threaded runtime. Every worker has such a runtime. A program can also run a server on such a
/// runtime. Only blocking work runs on other threads.
///
/// # Errors
///
/// The error of the operating system, for example if no more files can be opened.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        // In a current-thread runtime, this is called only for the threads for blocking work.
        .on_thread_start(|| {
            // If this fails, the thread runs at normal priority.
            let _ = rustix::process::nice(NICE);
        })
        .build()
}

/// All workers of a host. Dropping them ends their threads.
#[derive(Debug)]
pub(crate) struct Workers {
    max: NonZeroUsize,
    all: Mutex<Vec<Arc<Worker>>>,
    running: watch::Sender<()>,
}

/// A worker.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    handle: Handle,
    actors: AtomicUsize,
    /// The number of connections whose request has not been answered yet, plus the number of clients that other hosts
    /// serve.
    assigned_handshakes: AtomicUsize,
    liveness: Liveness,
    longest_slice: Arc<LongestSlice>,
}

/// The worker of an actor. The actor counts towards the worker's load until this value is dropped.
#[derive(Debug)]
pub(crate) struct WorkerHandle(Arc<Worker>);

/// The worker of a connection whose request has not been answered yet, or whose client is served by another host. The
/// connection counts towards the worker's load until this value is dropped.
#[derive(Debug)]
pub(crate) struct HandshakeWorker(Arc<Worker>);

impl Workers {
    /// Starts the first worker. The other workers are started only when there is work for them, because a second
    /// running thread slows down the first one.
    ///
    /// # Errors
    ///
    /// The error of the operating system, for example if no thread can be started or no file can be opened.
    pub(crate) fn start(max: NonZeroUsize) -> std::io::Result<Self> {
        let workers = Self { max, all: Mutex::default(), running: watch::Sender::new(()) };
        let first = workers.spawn_worker(0)?;
        workers.all.lock().push(first);
        Ok(workers)
    }

    /// Returns the current runtime as the only worker. It must be a single-threaded runtime.
    #[cfg(feature = "testing")]
    pub(crate) fn on_this_runtime() -> Self {
        let worker = Worker::new("worker-0".to_owned(), Handle::current());
        let all = Mutex::new(vec![worker]);
        Self { max: NonZeroUsize::MIN, all, running: watch::Sender::new(()) }
    }

    /// Returns the first worker, which always exists.
    pub(crate) fn first(&self) -> Arc<Worker> {
        Arc::clone(&self.all.lock()[0])
    }

    /// Assigns a worker to a new actor: the one with the fewest actors among those that respond. If several have the
    /// same number, the current worker is preferred. If every worker already has an actor, starts another worker.
    pub(crate) fn assign_actor(&self) -> WorkerHandle {
        let mut all = self.all.lock();
        if all.len() < self.max.get() && all.iter().all(|worker| worker.actors() > 0) {
            match self.spawn_worker(all.len()) {
                Ok(worker) => all.push(worker),
                Err(error) => {
                    if let Some(Line { left_out }) = NOT_STARTED.line(Instant::now()) {
                        tracing::warn!(
                            left_out,
                            "cannot start another worker ({error}): the host continues with {} workers",
                            all.len()
                        );
                    }
                }
            }
        }
        let least_loaded = all.iter().min_by_key(|worker| {
            (worker.liveness.is_late(), worker.actors(), !worker.is_current())
        });
        let worker = Arc::clone(least_loaded.unwrap_or(&all[0]));
        worker.actors.fetch_add(1, Ordering::Relaxed);
        WorkerHandle(worker)
    }

    /// Assigns a worker to a new connection: the one with the least load among those that respond.
    pub(crate) fn assign_handshake(&self) -> HandshakeWorker {
        let all = self.all.lock();
        let load = |worker: &&Arc<Worker>| {
            let load = worker.actors() + worker.assigned_handshakes.load(Ordering::Relaxed);
            (worker.liveness.is_late(), load)
        };
        let worker = Arc::clone(all.iter().min_by_key(load).unwrap_or(&all[0]));
        worker.assigned_handshakes.fetch_add(1, Ordering::Relaxed);
        HandshakeWorker(worker)
    }

    /// Returns all workers.
    pub(crate) fn all(&self) -> Vec<Arc<Worker>> {
        self.all.lock().clone()
    }

    /// Assigns a worker to a client that another host serves. If the caller runs on a worker, returns that worker,
    /// because the client's socket is already on it.
    pub(crate) fn assign_relay(&self) -> HandshakeWorker {
        let all = self.all.lock();
        let current = all.iter().find(|worker| worker.is_current());
        let Some(worker) = current.cloned() else {
            drop(all);
            return self.assign_handshake();
        };
        worker.assigned_handshakes.fetch_add(1, Ordering::Relaxed);
        HandshakeWorker(worker)
    }

    fn spawn_worker(&self, number: usize) -> std::io::Result<Arc<Worker>> {
        let runtime = runtime()?;
        let worker = Worker::new(format!("worker-{number}"), runtime.handle().clone());
        let mut stop = self.running.subscribe();
        let longest_slice = Arc::clone(&worker.longest_slice);
        std::thread::Builder::new().name(worker.name.clone()).spawn(move || {
            longest_slice.record_this_thread();
            // When the sender is dropped, this returns an error, and the thread ends.
            let _ = runtime.block_on(stop.changed());
            // A handler that is still sleeping must not keep the thread alive.
            runtime.shutdown_background();
        })?;
        Ok(worker)
    }
}

impl Worker {
    fn new(name: String, handle: Handle) -> Arc<Self> {
        let (actors, assigned_handshakes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (liveness, longest_slice) = (Liveness::default(), Arc::default());
        Arc::new(Self { name, handle, actors, assigned_handshakes, liveness, longest_slice })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the total time for which the worker has run tasks.
    pub(crate) fn busy_time(&self) -> Duration {
        self.handle.metrics().worker_total_busy_duration(0)
    }

    /// Returns the length of the longest slice in the last 30 to 60 seconds.
    pub(crate) fn longest_slice(&self) -> Duration {
        self.longest_slice.get()
    }

    /// Returns the number of actors that live on the worker.
    pub(crate) fn actors(&self) -> usize {
        self.actors.load(Ordering::Relaxed)
    }

    /// Returns the runtime of the worker.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.handle
    }

    /// Returns whether the caller runs on this worker.
    pub(crate) fn is_current(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.handle.id())
    }
}

impl WorkerHandle {
    /// Runs work on the worker. The work continues if the returned value is dropped.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Running<T> {
        Running::start(&self.0.handle, work)
    }

    /// Runs work on the worker after `time`, unless the returned handle is dropped before then. Work that has begun
    /// continues.
    pub(crate) fn run_after<W>(
        &self,
        time: Duration,
        work: impl FnOnce() -> W + Send + 'static,
    ) -> AbortOnDropHandle<()>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let handle = self.0.handle.clone();
        AbortOnDropHandle::new(self.0.handle.spawn(async move {
            sleep(time).await;
            Running::start(&handle, work());
        }))
    }

    /// Drops a value on a thread for blocking work.
    pub(crate) fn drop_in_background(&self, value: impl Send + 'static) {
        self.0.handle.spawn_blocking(move || drop(value));
    }

    /// Returns an id that is unique among the workers.
    pub(crate) fn id(&self) -> Id {
        self.0.handle.id()
    }

    /// Returns whether the caller runs on this worker.
    pub(crate) fn is_current(&self) -> bool {
        self.0.is_current()
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.0.actors.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HandshakeWorker {
    /// Returns the worker.
    pub(crate) fn worker(&self) -> Arc<Worker> {
        Arc::clone(&self.0)
    }
}

impl Drop for HandshakeWorker {
    fn drop(&mut self) {
        self.0.assigned_handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn workers(max: usize) -> Workers {
        let max = NonZeroUsize::new(max).expect("more than none");
        Workers::start(max).expect("threads")
    }

    #[tokio::test]
    async fn another_worker_starts_when_all_have_an_actor() {
        let workers = workers(2);
        let first = workers.assign_actor();
        assert!(!first.is_current(), "a worker is a thread of its own");
        let second = workers.assign_actor();
        assert_ne!(first.id(), second.id());
        let third = workers.assign_actor();
        assert_eq!(third.id(), first.id(), "no more than two");
        assert_eq!(workers.assign_actor().id(), second.id(), "the one with the fewest actors");
        let id = first.id();
        drop((first, third));
        assert_eq!(workers.assign_actor().id(), id, "a dropped actor does not count");
    }

    #[tokio::test]
    async fn connections_are_assigned_to_the_worker_with_the_least_load() {
        let workers = workers(2);
        let id = |worker: &HandshakeWorker| worker.0.handle.id();
        let early = [workers.assign_handshake(), workers.assign_handshake()];
        assert_eq!(id(&early[0]), id(&early[1]), "no worker starts for a mere connection");
        let first = id(&early[0]);
        drop(early);
        let _actors = [workers.assign_actor(), workers.assign_actor()];
        let handshakes = [(); 4].map(|()| workers.assign_handshake());
        assert_eq!(handshakes.iter().filter(|worker| id(worker) == first).count(), 2);
    }

    #[tokio::test]
    async fn actor_of_a_connection_is_assigned_to_the_same_worker() {
        let workers = Arc::new(workers(2));
        let _actors = [workers.assign_actor(), workers.assign_actor()];
        for handshake in [workers.assign_handshake(), workers.assign_handshake()] {
            let workers = Arc::clone(&workers);
            let assigned = handshake.0.handle.spawn(async move { workers.assign_actor() });
            let assigned = assigned.await.expect("no panic");
            assert_eq!(assigned.id(), handshake.0.handle.id());
        }
    }
}
