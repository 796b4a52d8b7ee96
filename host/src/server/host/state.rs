//! The state that all connections of a host share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::relayed::RelayedClients;
use super::resources::{HostContext, Registry, ServedResource, hand_over_pace};
use crate::clients::{ClientId, HostClose, Pace};
use crate::cluster::Cluster;
use crate::cluster::relay::Peers;
use crate::config;
use crate::connection::{ClientPermit, ConnectionGuard};
use crate::platform::Platform;
use crate::resource::{ActorLease, Resource};
use crate::running::Running;
use crate::server::permits::{Permits, handshake};
use crate::server::response::{Body, text};
use crate::server::static_files::StaticFiles;

/// How long a new client waits for the permit of an evicted connection. The wait may be long if that connection's
/// worker is busy.
const EVICTION_TIMEOUT: Duration = Duration::from_secs(1);

/// The way in which a server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// Every client was closed and has gone.
    Drained,
    /// The drain timeout expired while this number of clients were still connected.
    Abandoned(usize),
}

/// The state of a host. It outlives the listeners: it exists until the last client has gone.
pub(in crate::server) struct HostState {
    pub(in crate::server) context: HostContext,
    pub(in crate::server) registry: Registry,
    pub(in crate::server) static_files: Option<StaticFiles>,
    /// Permits for connections that stay open after a response.
    pub(in crate::server) keep_alive_permits: Arc<Semaphore>,
    /// Permits for responses that are being written.
    pub(in crate::server) response_permits: Arc<Permits>,
    /// Permits for connections that were closed after a response and wait for the client to close its side.
    pub(in crate::server) linger_permits: Semaphore,
    clients: Arc<Semaphore>,
    is_draining: AtomicBool,
    /// Cancelled when a drain has closed all clients.
    clients_closed: CancellationToken,
    /// The runtime on which the host was started.
    runtime: Handle,
    /// The task that closes clients when memory runs short.
    relief: OnceLock<AbortOnDropHandle<()>>,
    /// The task that ends actors that this host no longer owns, and announces this host's components to other hosts.
    placing: OnceLock<AbortOnDropHandle<()>>,
    /// The clients that this host relays to others.
    pub(in crate::server) relayed: Arc<RelayedClients>,
}

impl HostState {
    /// # Errors
    ///
    /// The error of the operating system if it cannot start a worker thread.
    pub(in crate::server) fn new(
        config: config::HostConfig,
        platform: Arc<dyn Platform>,
        peers: Option<Arc<Peers>>,
        longest_state: usize,
    ) -> std::io::Result<Self> {
        Ok(Self {
            registry: Registry::default(),
            static_files: config.static_files.clone().map(StaticFiles::new),
            keep_alive_permits: handshake::keep_alive_permits(),
            response_permits: handshake::response_permits(),
            linger_permits: Semaphore::new(handshake::MAX_LINGERING),
            clients: Arc::new(Semaphore::new(config.limits.max_clients)),
            is_draining: AtomicBool::new(false),
            clients_closed: CancellationToken::new(),
            runtime: Handle::current(),
            relief: OnceLock::new(),
            placing: OnceLock::new(),
            relayed: Arc::new(RelayedClients::new(peers)),
            context: HostContext::new(config, platform, longest_state)?,
        })
    }

    pub(in crate::server) fn config(&self) -> &config::HostConfig {
        &self.context.config
    }

    /// Stores the relief task, so that it ends with the host.
    pub(in crate::server) fn keep_relief(&self, relief: AbortOnDropHandle<()>) {
        // A host starts only once, so the cell is empty.
        let _ = self.relief.set(relief);
    }

    /// Stores the background task of the module `placing`, so that the task ends with the host.
    pub(in crate::server) fn keep_placing(&self, placing: AbortOnDropHandle<()>) {
        let _ = self.placing.set(placing);
    }

    /// Acquires a permit for another client of the lease's actor. If none is free, evicts a connection whose client has
    /// already disconnected, and waits for its permit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future releases the permit.
    pub(in crate::server) async fn client_permit(&self, lease: ActorLease) -> Option<ClientPermit> {
        let guard = self.connection_guard().await?;
        Some(ClientPermit { lease, guard })
    }

    /// Acquires a permit for another client, as [`client_permit`](Self::client_permit) does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future releases the permit.
    pub(in crate::server) async fn connection_guard(&self) -> Option<Arc<ConnectionGuard>> {
        let permit = match Arc::clone(&self.clients).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if self.context.closing.evict_one() => {
                let freed = Arc::clone(&self.clients).acquire_owned();
                timeout(EVICTION_TIMEOUT, freed).await.ok()?.ok()?
            }
            Err(_) => return None,
        };
        let (token, closing) = (self.context.tasks.token(), Arc::clone(&self.context.closing));
        Some(Arc::new(ConnectionGuard { _permit: permit, _token: token, closing }))
    }

    /// Runs `work` in a task of its own, so that it finishes even if the caller is dropped. If `work` panics, the
    /// caller panics too.
    ///
    /// # Cancel safety
    ///
    /// The work continues when the future is dropped. If the runtime ends before the work is done, the future never
    /// resolves.
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

    /// Returns how many handshakes may wait for the handler of one resource. With several resources, this is half of
    /// `max_clients`, so that a slow handler leaves room for clients of the other resources.
    pub(in crate::server) fn max_handshakes(&self) -> usize {
        let clients = self.config().limits.max_clients;
        if self.registry.count() > 1 { clients.div_ceil(2) } else { clients }
    }

    pub(in crate::server) fn next_id(&self) -> ClientId {
        self.context.ids.next()
    }

    pub(in crate::server) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Answers a health check: 200 if the host serves clients and every worker responds.
    pub(in crate::server) fn health(&self) -> Response<Body> {
        if self.is_draining() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        let stuck = self.context.workers.stuck();
        if stuck.is_empty() {
            return text(StatusCode::OK, "ok\n");
        }
        let line = |(worker, time)| format!("{worker} has not responded for {time:?}\n");
        text(StatusCode::SERVICE_UNAVAILABLE, stuck.into_iter().map(line).collect::<String>())
    }

    /// Answers a readiness check: 200 if clients should be sent here. A host that loses the broker of its cluster stays
    /// ready. Its clients still get the messages that are published on this host. Other hosts would serve them no
    /// better, because they have lost the broker too. But a host with paths that are unique in the cluster is not ready
    /// once its lease has ended, because it cannot start their actors.
    pub(in crate::server) fn readiness(&self) -> Response<Body> {
        let is_connecting = |cluster: &Cluster| !cluster.was_ever_connected();
        let is_unique =
            |served: &Arc<ServedResource>| served.settings().unique_in == config::UniqueIn::Cluster;
        match &self.context.cluster {
            Some(cluster) if !self.is_draining() && is_connecting(cluster) => {
                let problem = cluster.status().problem;
                let why = problem.unwrap_or_else(|| "connecting".to_owned());
                text(StatusCode::SERVICE_UNAVAILABLE, format!("not in the cluster yet: {why}\n"))
            }
            Some(cluster) if !self.is_draining() && self.registry.all().iter().any(is_unique) => {
                match cluster.placement_problem() {
                    None => self.health(),
                    Some(why) => {
                        let line =
                            format!("no lease for paths that are unique in the cluster: {why}\n");
                        text(StatusCode::SERVICE_UNAVAILABLE, line)
                    }
                }
            }
            _ => self.health(),
        }
    }

    /// Waits until a drain has closed all clients.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(in crate::server) async fn wait_for_clients_closed(&self) {
        self.clients_closed.cancelled().await;
    }

    /// Returns whether this is the address of a trusted proxy.
    pub(in crate::server) fn trusts(&self, address: IpAddr) -> bool {
        self.config().trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// Waits until every accepted connection has become a client or has ended, but no longer than the handshake
    /// timeout. Should be called after the server has stopped accepting connections.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(in crate::server) async fn finish_handshakes(&self) {
        let handshakes = &self.context.open_handshakes;
        handshakes.close();
        // When the time runs out, the remaining connections have already had their full handshake timeout.
        let _ = timeout(self.config().timeouts.handshake, handshakes.wait()).await;
    }

    /// Returns how long clients stay open while `stopping` runs in their handler. It is half of the drain timeout,
    /// because the other half is for closing them.
    pub(in crate::server) fn stopping_time(&self) -> Duration {
        self.config().timeouts.drain / 2
    }

    /// Closes every client, and waits until all clients have gone or the drain timeout expires. If there are many
    /// clients, the closes are spread over half of the drain timeout.
    pub(in crate::server) async fn drain(&self) -> Stopped {
        let until = Instant::now() + self.config().timeouts.drain;
        self.is_draining.store(true, Ordering::Release);
        tracing::info!(clients = self.registry.clients(), "stopping");
        let max_wait = self.stopping_time();
        let all = self.registry.all();
        let sum = |closes: fn(&Resource) -> usize| all.iter().map(|s| closes(s.resource())).sum();
        let pace = Arc::new(Pace::new(sum(Resource::closes), max_wait));
        let rooms = Arc::new(hand_over_pace(sum(Resource::hand_over_closes), max_wait));
        let stop = |served: &Arc<ServedResource>| served.stop(HostClose::Stopping, max_wait, &pace);
        let stopping: Vec<_> = all.iter().map(stop).collect();
        let hand_over =
            |served: &Arc<ServedResource>| served.hand_over(HostClose::Moved, max_wait, &rooms);
        let handed_over = all.iter().map(hand_over).map(tokio::spawn).collect();
        let _closing = self.relayed.close_all(max_wait);
        let stopped = async {
            for stopping in stopping {
                stopping.done().await;
            }
            let handed_over: Vec<JoinHandle<()>> = handed_over;
            for resource in handed_over {
                // A panic has already been logged.
                let _ = resource.await;
            }
        };
        // A worker may be stuck, so this has a timeout.
        let _ = timeout(max_wait, stopped).await;
        // Clients are closed before `clients_closed` is cancelled. Connections run on other threads and react to the
        // cancellation, and the WebSockets of an HTTP/2 connection must end before the connection itself.
        self.close_all_clients();
        self.clients_closed.cancel();
        self.context.tasks.close();
        self.close_all_clients();
        let stopped = match timeout_at(until, self.context.tasks.wait()).await {
            Ok(()) => Stopped::Drained,
            Err(_) => {
                Stopped::Abandoned(self.registry.clients() + self.context.closing.clients().len())
            }
        };
        let leave_cluster = async {
            if let Some(cluster) = &self.context.cluster {
                // The messages are flushed before the lease is given back. Afterwards, this host may no longer run its
                // actors that are unique in the cluster, and their messages are not sent.
                cluster.flush().await;
                cluster.leave().await;
            }
        };
        let send_spans = async {
            if let Some(traces) = &self.context.traces {
                traces.flush().await;
            }
        };
        tokio::join!(leave_cluster, send_spans);
        stopped
    }

    /// Closes all clients that are registered now, because the host stops. A client that is accepted later is closed
    /// as soon as it is accepted.
    fn close_all_clients(&self) {
        for served in self.registry.all() {
            served.close_all_clients(HostClose::Stopping);
        }
    }
}
