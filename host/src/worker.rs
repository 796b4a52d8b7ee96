//! Workers: threads on which actors and their connections live.
//!
//! An actor and all its connections have one home. So a message never changes threads on its way from
//! the socket to the guest and back, and what is locked is locked without a contender.
//!
//! Before its actor is known, a connection is received by the worker with the least to do. An actor that
//! is made for it lives there too, unless others have fewer, so that most connections need not move.
//!
//! Every worker is a thread of its own. The runtime on which a host is started is none: it accepts, answers
//! whoever operates the server, and looks whether the workers come round.

mod liveness;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Id};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use self::liveness::Liveness;
use crate::log_rate::{Line, LogRate};
use crate::running::Running;

/// How many tasks run before the system is asked for new events. Somewhat more than the default of 61:
/// under load each asking is shared by more messages.
const EVENT_INTERVAL: u32 = 256;

/// How nice threads are that work for nobody who waits: they compile components and give memory back. On
/// a busy machine that must not keep messages from being served.
const NICE: i32 = 10;

/// Lines on workers that cannot be started, for each actor anew.
static NOT_STARTED: LogRate = LogRate::new();

/// A runtime such as each worker has, and as is enough to run a server on: everything on one thread, but for what
/// takes long.
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

/// All workers of a host. Dropping them ends their threads.
#[derive(Debug)]
pub(crate) struct Workers {
    max: NonZeroUsize,
    all: Mutex<Vec<Arc<Worker>>>,
    running: watch::Sender<()>,
}

/// One worker.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    handle: Handle,
    actors: AtomicUsize,
    /// Connections whose request was not answered yet.
    handshakes: AtomicUsize,
    liveness: Liveness,
}

/// An actor's place on its worker.
#[derive(Debug)]
pub(crate) struct WorkerHandle(Arc<Worker>);

/// The place of a connection on the worker that receives it.
#[derive(Debug)]
pub(crate) struct HandshakeLoad(Arc<Worker>);

impl Workers {
    /// Starts the first worker. The others get a thread each when there is work for them: a second thread makes
    /// the first one slower.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread or no files for it.
    pub(crate) fn start(max: NonZeroUsize) -> std::io::Result<Self> {
        let workers = Self { max, all: Mutex::default(), running: watch::Sender::new(()) };
        let first = workers.spawn_worker(0)?;
        workers.all.lock().push(first);
        Ok(workers)
    }

    /// The first worker, which there always is.
    pub(crate) fn first(&self) -> Arc<Worker> {
        Arc::clone(&self.all.lock()[0])
    }

    /// A home for a new actor: where the fewest are, and here if that is here. If all have one already, one
    /// more worker starts.
    pub(crate) fn assign_actor(&self) -> WorkerHandle {
        let mut all = self.all.lock();
        if all.len() < self.max.get() && all.iter().all(|worker| worker.actors() > 0) {
            match self.spawn_worker(all.len()) {
                Ok(worker) => all.push(worker),
                Err(error) => {
                    if let Some(Line { left_out }) = NOT_STARTED.line(Instant::now()) {
                        tracing::warn!(
                            left_out,
                            "goes on with {} workers, as one more cannot be started: {error}",
                            all.len()
                        );
                    }
                }
            }
        }
        let fewest = all
            .iter()
            .min_by_key(|worker| (worker.liveness.is_late(), worker.actors(), !worker.is_here()));
        let worker = Arc::clone(fewest.unwrap_or(&all[0]));
        worker.actors.fetch_add(1, Ordering::Relaxed);
        WorkerHandle(worker)
    }

    /// Where to receive a connection: where the least is to do, of those that come round.
    pub(crate) fn assign_handshake(&self) -> HandshakeLoad {
        let all = self.all.lock();
        let load = |worker: &&Arc<Worker>| {
            let load = worker.actors() + worker.handshakes.load(Ordering::Relaxed);
            (worker.liveness.is_late(), load)
        };
        let worker = Arc::clone(all.iter().min_by_key(load).unwrap_or(&all[0]));
        worker.handshakes.fetch_add(1, Ordering::Relaxed);
        HandshakeLoad(worker)
    }

    fn spawn_worker(&self, number: usize) -> std::io::Result<Arc<Worker>> {
        let runtime = runtime()?;
        let worker = Worker::new(format!("worker-{number}"), runtime.handle().clone());
        let mut stop = self.running.subscribe();
        std::thread::Builder::new().name(worker.name.clone()).spawn(move || {
            // An error is what ends it: the sender is gone.
            let _ = runtime.block_on(stop.changed());
            // A handler that sleeps on must not keep the thread.
            runtime.shutdown_background();
        })?;
        Ok(worker)
    }
}

impl Worker {
    fn new(name: String, handle: Handle) -> Arc<Self> {
        let (actors, handshakes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { name, handle, actors, handshakes, liveness: Liveness::default() })
    }

    fn actors(&self) -> usize {
        self.actors.load(Ordering::Relaxed)
    }

    /// Where it runs tasks.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.handle
    }

    /// Whether it runs the current task.
    pub(crate) fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.handle.id())
    }
}

impl WorkerHandle {
    /// Runs work on the worker, the only way to do so: whoever waits for it may go, what was begun goes on.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Running<T> {
        Running::start(&self.0.handle, work)
    }

    /// Runs work on the worker after a time, unless the answer is dropped before. What has begun goes on.
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

    /// Drops something on a thread where nobody waits.
    pub(crate) fn drop_in_background(&self, what: impl Send + 'static) {
        self.0.handle.spawn_blocking(move || drop(what));
    }

    /// Names the worker among others.
    pub(crate) fn id(&self) -> Id {
        self.0.handle.id()
    }

    /// Whether this is the worker that runs the current task.
    pub(crate) fn is_here(&self) -> bool {
        self.0.is_here()
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.0.actors.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HandshakeLoad {
    /// The worker itself.
    pub(crate) fn worker(&self) -> Arc<Worker> {
        Arc::clone(&self.0)
    }
}

impl Drop for HandshakeLoad {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
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
    async fn one_more_starts_when_all_have_an_actor() {
        let workers = workers(2);
        let first = workers.assign_actor();
        assert!(!first.is_here(), "a worker is a thread of its own");
        let second = workers.assign_actor();
        assert_ne!(first.id(), second.id());
        let third = workers.assign_actor();
        assert_eq!(third.id(), first.id(), "no more than two");
        assert_eq!(workers.assign_actor().id(), second.id(), "where the fewest are");
        let id = first.id();
        drop((first, third));
        assert_eq!(workers.assign_actor().id(), id, "whoever has gone does not count");
    }

    #[tokio::test]
    async fn connections_are_received_where_the_least_is_to_do() {
        let workers = workers(2);
        let id = |load: &HandshakeLoad| load.0.handle.id();
        let alone = [workers.assign_handshake(), workers.assign_handshake()];
        assert_eq!(id(&alone[0]), id(&alone[1]), "no worker starts for a connection alone");
        let first = id(&alone[0]);
        drop(alone);
        let _actors = [workers.assign_actor(), workers.assign_actor()];
        let handshakes = [(); 4].map(|()| workers.assign_handshake());
        assert_eq!(handshakes.iter().filter(|load| id(load) == first).count(), 2);
    }

    #[tokio::test]
    async fn actor_of_a_connection_lives_where_that_was_received() {
        let workers = Arc::new(workers(2));
        let _actors = [workers.assign_actor(), workers.assign_actor()];
        for there in [workers.assign_handshake(), workers.assign_handshake()] {
            let asking = Arc::clone(&workers);
            let home = there.0.handle.spawn(async move { asking.assign_actor() });
            let home = home.await.expect("no panic");
            assert_eq!(home.id(), there.0.handle.id());
        }
    }
}
