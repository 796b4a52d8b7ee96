//! What all connections of a host share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::Stopped;
use super::context::HostContext;
use super::registry::Registry;
use super::served::ServedResource;
use crate::clients::{ClientId, HostClose, Ids};
use crate::config;
use crate::connection::{ClientPermit, ClosingConnections, ConnectionGuard};
use crate::resource::ActorLease;
use crate::running::Running;
use crate::server::permits::{Permits, handshake};
use crate::server::response::{Body, text};
use crate::server::static_files::StaticFiles;

/// How long a client waits for the place of one that is to close: its worker may be busy.
const GIVING_WAY: Duration = Duration::from_secs(1);

/// The host's state. It outlives the listener, until the last client is gone.
pub(in crate::server) struct HostState {
    pub(in crate::server) context: HostContext,
    pub(in crate::server) registry: Registry,
    pub(in crate::server) static_files: Option<StaticFiles>,
    /// Places for connections that have had an answer.
    pub(in crate::server) keep_alive_permits: Arc<Semaphore>,
    /// Places for answers that are on their way.
    pub(in crate::server) response_permits: Arc<Permits>,
    /// Places for connections that are closed behind an answer, until their client has closed too.
    pub(in crate::server) linger_permits: Semaphore,
    /// Every task that owes a client something.
    pub(in crate::server) tasks: TaskTracker,
    clients: Arc<Semaphore>,
    pub(in crate::server) closing: Arc<ClosingConnections>,
    ids: Ids,
    is_draining: AtomicBool,
    /// Told when all clients have been sent away.
    draining: CancellationToken,
    /// The one that the host was started on.
    runtime: Handle,
    /// Frees memory when it runs short.
    relief: OnceLock<AbortOnDropHandle<()>>,
}

impl HostState {
    /// # Errors
    ///
    /// What the system says when it has no thread for a worker.
    pub(in crate::server) fn new(config: config::Host) -> std::io::Result<Self> {
        Ok(Self {
            registry: Registry::default(),
            static_files: config.static_files.clone().map(StaticFiles::new),
            keep_alive_permits: handshake::keep_alive_permits(),
            response_permits: handshake::response_permits(),
            linger_permits: Semaphore::new(handshake::MAX_LINGERING),
            tasks: TaskTracker::new(),
            clients: Arc::new(Semaphore::new(config.limits.max_clients)),
            closing: Arc::default(),
            ids: Ids::new(),
            is_draining: AtomicBool::new(false),
            draining: CancellationToken::new(),
            runtime: Handle::current(),
            relief: OnceLock::new(),
            context: HostContext::new(config)?,
        })
    }

    pub(in crate::server) fn config(&self) -> &config::Host {
        &self.context.config
    }

    /// Ends this task with the host.
    pub(in crate::server) fn keep_relief(&self, relief: AbortOnDropHandle<()>) {
        // A host starts once.
        let _ = self.relief.set(relief);
    }

    /// A place for one more client that stays with an actor, if there is one. One that has gone, but for its
    /// connection, makes way.
    ///
    /// # Cancel safety
    ///
    /// The place is free again when the future is dropped.
    pub(in crate::server) async fn client_permit(&self, lease: ActorLease) -> Option<ClientPermit> {
        let permit = match Arc::clone(&self.clients).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if self.closing.evict_one() => {
                let freed = Arc::clone(&self.clients).acquire_owned();
                timeout(GIVING_WAY, freed).await.ok()?.ok()?
            }
            Err(_) => return None,
        };
        let (token, closing) = (self.tasks.token(), Arc::clone(&self.closing));
        let guard = Arc::new(ConnectionGuard { _permit: permit, _token: token, closing });
        Some(ClientPermit { lease, guard })
    }

    /// Does work that nobody can drop in the middle: whoever waits for it may go. It panics as it would in the task
    /// that asks for it.
    ///
    /// # Cancel safety
    ///
    /// The work goes on when the future is dropped. If the runtime ends before the work is done, nothing comes of it.
    pub(in crate::server) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match Running::start(&self.runtime, work).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => std::future::pending().await,
        }
    }

    /// How many handshakes may wait for the handler of one resource: not so many that there is no place for clients of
    /// others.
    pub(in crate::server) fn max_handshakes(&self) -> usize {
        let clients = self.config().limits.max_clients;
        if self.registry.count() > 1 { clients.div_ceil(2) } else { clients }
    }

    pub(in crate::server) fn next_id(&self) -> ClientId {
        self.ids.next()
    }

    pub(in crate::server) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Answers whether it serves, and does so on all its threads.
    pub(in crate::server) fn health(&self) -> Response<Body> {
        if self.is_draining() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        let stuck = self.context.workers.stuck();
        if stuck.is_empty() {
            return text(StatusCode::OK, "ok\n");
        }
        let told = |(worker, time)| format!("{worker} has not responded for {time:?}\n");
        text(StatusCode::SERVICE_UNAVAILABLE, stuck.into_iter().map(told).collect::<String>())
    }

    /// Waits until the host drains and has sent its clients away.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(in crate::server) async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Whether somebody at this address is believed who its clients are.
    pub(in crate::server) fn trusts(&self, address: IpAddr) -> bool {
        self.config().trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// How long clients stay open while `stopping` runs in their handler. The rest of the time is for closing them.
    pub(in crate::server) fn stopping_time(&self) -> Duration {
        self.config().timeouts.drain / 2
    }

    /// Sends every client away and waits until they have gone.
    pub(in crate::server) async fn drain(&self) -> Stopped {
        let until = Instant::now() + self.config().timeouts.drain;
        self.is_draining.store(true, Ordering::Release);
        tracing::info!(clients = self.registry.clients(), "stopping");
        let patience = self.stopping_time();
        let stop = |served: &Arc<ServedResource>| served.stop(HostClose::Stopping, patience);
        let stopping: Vec<_> = self.registry.all().iter().map(stop).collect();
        let stopped = async {
            for stopping in stopping {
                stopping.done().await;
            }
        };
        // Their worker may be stuck.
        let _ = timeout(patience, stopped).await;
        // Before their connections hear of it, which run on other threads: WebSockets over HTTP/2 end first.
        self.close_all_clients();
        self.draining.cancel();
        self.tasks.close();
        self.close_all_clients();
        match timeout_at(until, self.tasks.wait()).await {
            Ok(()) => Stopped::Drained,
            Err(_) => Stopped::Abandoned(self.registry.clients() + self.closing.clients().len()),
        }
    }

    /// Whoever is let in while the host drains must call this again.
    pub(in crate::server) fn close_all_clients(&self) {
        for served in self.registry.all() {
            served.close_all_clients(HostClose::Stopping);
        }
    }
}
