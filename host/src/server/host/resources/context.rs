//! What all resources of a host share: its settings, its engines and its threads.

use std::sync::Arc;

use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::runtimes::Runtimes;
use crate::budget::Budget;
use crate::clients::Ids;
use crate::cluster::Cluster;
use crate::config;
use crate::connection::ClosingConnections;
use crate::guest::{CompileOptions, CompilerProcess};
use crate::metrics::{HostMetrics, ResourceRegistry};
use crate::platform::Platform;
#[cfg(feature = "otlp")]
use crate::traces::Settings;
use crate::traces::Traces;
use crate::worker::Workers;

/// The settings, engines, workers and memory budget of a host.
pub(in crate::server) struct HostContext {
    /// All settings except the resources, which are in the registry.
    pub(in crate::server) config: config::HostConfig,
    pub(in crate::server) runtimes: Runtimes,
    pub(in crate::server) workers: Arc<Workers>,
    pub(in crate::server) budget: Arc<Budget>,
    /// The accepted connections that are not clients yet, except those that are kept alive after a request.
    pub(in crate::server) open_handshakes: TaskTracker,
    /// The tasks that a graceful shutdown waits for.
    pub(in crate::server) tasks: TaskTracker,
    pub(in crate::server) closing: Arc<ClosingConnections>,
    pub(in crate::server) ids: Arc<Ids>,
    /// The ids of connections, which only the log shows.
    pub(in crate::server) connections: Arc<Ids>,
    /// The cluster, if this host is in one.
    pub(in crate::server) cluster: Option<Cluster>,
    /// The traces, if spans go to a collector.
    pub(in crate::server) traces: Option<Traces>,
    pub(in crate::server) metrics: Arc<HostMetrics>,
    pub(in crate::server) resource_metrics: ResourceRegistry,
    _watch: AbortOnDropHandle<()>,
}

impl HostContext {
    /// `longest_state` is the largest `max-state` of the resources with durable states, in bytes.
    ///
    /// # Errors
    ///
    /// The error of the operating system if it cannot start a worker thread.
    pub(in crate::server) fn new(
        config: config::HostConfig,
        platform: Arc<dyn Platform>,
        longest_state: usize,
    ) -> std::io::Result<Self> {
        let ids = Arc::new(platform.client_ids());
        let connections = Arc::new(platform.client_ids());
        let config::Compile { program, max_memory, timeout } = config.compile.clone();
        let process = program.map(|program| CompilerProcess { program, max_memory, timeout });
        let workers = Arc::new(platform.workers(config.workers)?);
        let options = CompileOptions { cache: config.cache.clone(), process };
        let runtimes = Runtimes::new(options, platform);
        let watch = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&workers).watch()));
        let budget = Budget::new(config.limits.max_buffered);
        let (tasks, closing) = (TaskTracker::new(), Arc::default());
        let cluster = join_cluster(&config, longest_state)?;
        let traces = trace(&config);
        Ok(Self {
            config,
            runtimes,
            workers,
            budget,
            open_handshakes: TaskTracker::new(),
            tasks,
            closing,
            ids,
            connections,
            cluster,
            traces,
            metrics: Arc::default(),
            resource_metrics: ResourceRegistry::default(),
            _watch: watch,
        })
    }
}

#[cfg(feature = "nats")]
fn join_cluster(
    config: &config::HostConfig,
    longest_state: usize,
) -> std::io::Result<Option<Cluster>> {
    let Some(cluster) = &config.cluster else { return Ok(None) };
    // Other hosts connect to the listener for peers, so its address is published.
    let address = cluster.peers.as_ref().map(|peers| peers.address(peers.listen));
    Cluster::start(cluster, address, longest_state).map(Some)
}

/// A build without a broker client never joins a cluster: its configuration check refuses the section `[cluster]`.
#[cfg(not(feature = "nats"))]
#[expect(clippy::unnecessary_wraps, reason = "as in builds with a broker's client")]
fn join_cluster(_: &config::HostConfig, _: usize) -> std::io::Result<Option<Cluster>> {
    Ok(None)
}

#[cfg(feature = "otlp")]
fn trace(config: &config::HostConfig) -> Option<Traces> {
    let config::Traces { endpoint, ratio, service, headers } = config.traces.clone()?;
    let (endpoint, server) = endpoint.for_spans();
    Some(Traces::start(Settings { endpoint, server, ratio, service, headers }))
}

/// Builds without an exporter never have traces: the configuration check refuses them.
#[cfg(not(feature = "otlp"))]
fn trace(_: &config::HostConfig) -> Option<Traces> {
    None
}
