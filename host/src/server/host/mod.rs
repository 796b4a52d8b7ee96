//! The host: resources and their clients. Any program may accept the connections.

mod check;
mod configure;
pub(in crate::server) mod handshake;
mod operator;
mod placing;
pub(in crate::server) mod relayed;
mod relief;
pub(in crate::server) mod request;
mod resources;
mod routes;
mod state;

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use ws_host_protocol::SharedMessage;

pub use self::check::CheckedResource;
pub(in crate::server) use self::check::check;
use self::check::load_peers;
use self::configure::configure;
pub use self::configure::{ConfigureError, Configured};
pub(in crate::server) use self::operator::StatusQuery;
pub use self::operator::{
    ClientStatus, CustomError, CustomMessage, CustomReply, Recipient, ResourceStatus, TaggedError,
};
use self::relief::relief;
pub use self::resources::NoResource;
use self::resources::{PreparedResource, ServedResource};
pub(in crate::server) use self::routes::handle_request;
pub(in crate::server) use self::state::HostState;
pub use self::state::Stopped;
use super::error::StartError;
use crate::clients::{ClientId, HostClose};
use crate::cluster::{Cluster, ClusterStatus};
use crate::config::{self, ResourceConfig};
use crate::platform::{Machine, Platform};
use crate::reload::{ReloadError, ReloadOutcome, Replaced};

/// The close reason of clients that the operator closes without giving a reason.
pub(in crate::server) const CLOSED_BY_THE_OPERATOR: &str = "closed by the operator";

/// The resources that are served. Any program may accept the connections. Clones are handles to the same host.
///
/// [`Server`](crate::Server) starts a host. Another program can embed one without a server:
///
/// - [`respond`](Self::respond) responds to a request that another HTTP server has read, such as a hyper or axum server;
/// - [`serve_stream`](Self::serve_stream) serves any byte stream.
#[derive(Clone)]
pub struct Host {
    pub(in crate::server) state: Arc<HostState>,
}

impl Host {
    /// Loads every component and checks that it can be instantiated.
    ///
    /// Must be called inside a tokio runtime. Clients are served by workers, which are threads of the host itself; the
    /// configuration sets their number. The calling runtime supervises them and must run as long as the host does.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops everything that it has started.
    pub async fn start(config: config::HostConfig) -> Result<Self, StartError> {
        Self::start_on(Arc::new(Machine), config).await
    }

    /// Does the same as [`start`](Self::start), on the given platform.
    pub(crate) async fn start_on(
        platform: Arc<dyn Platform>,
        config: config::HostConfig,
    ) -> Result<Self, StartError> {
        let mut config = config.checked()?;
        let resources = std::mem::take(&mut config.resources);
        let durable = resources.iter().filter(|resource| resource.save_every.is_some());
        let longest_state = durable.map(|resource| resource.limits.max_state).max().unwrap_or(0);
        let peers = load_peers(&config)?.map(Arc::new);
        let state = HostState::new(config, platform, peers, longest_state);
        let state = state.map_err(StartError::Worker)?;
        let mut serving = Vec::with_capacity(resources.len());
        for settings in resources {
            serving.push(ServedResource::start(
                &state.context,
                PreparedResource::load(&state.context, settings).await?,
            ));
        }
        for served in &serving {
            served.restore_timers().await;
        }
        state.registry.set_resources(serving);
        let state = Arc::new(state);
        let relief = relief(Arc::downgrade(&state), Arc::clone(&state.context.budget));
        state.keep_relief(AbortOnDropHandle::new(tokio::spawn(relief)));
        if let Some(ends) = state.context.cluster.as_ref().and_then(Cluster::ends) {
            let ends = placing::end_unowned(Arc::downgrade(&state), ends);
            let components = placing::publish_components(Arc::downgrade(&state));
            let both = async {
                tokio::join!(ends, components);
            };
            state.keep_placing(AbortOnDropHandle::new(tokio::spawn(both)));
        }
        Ok(Self { state })
    }

    /// Replaces all resources with `resources`. Resources whose settings are the same continue undisturbed. If one of
    /// `resources` cannot be served, nothing changes.
    ///
    /// # Errors
    ///
    /// [`ConfigureError`].
    ///
    /// # Cancel safety
    ///
    /// A change that has begun continues when the future is dropped. One that still waits for another change is
    /// abandoned.
    pub async fn configure(
        &self,
        resources: Vec<ResourceConfig>,
    ) -> Result<Configured, ConfigureError> {
        let changing = Arc::clone(&self.state.registry.changing).lock_owned().await;
        let state = Arc::clone(&self.state);
        let work = async move {
            let _changing = changing;
            configure(&state, resources).await
        };
        self.state.run(work).await
    }

    /// Stops serving a resource. First calls `stopping` in handlers that export it, and then closes the clients with
    /// 1001.
    ///
    /// # Errors
    ///
    /// [`NoResource`].
    ///
    /// # Cancel safety
    ///
    /// The future first waits until no other change is under way. If it is dropped during this wait, nothing happens.
    pub async fn remove(&self, name: &str) -> Result<(), NoResource> {
        let registry = &self.state.registry;
        let _changing = registry.changing.lock().await;
        let removed = self.named(name)?;
        let others = registry.all().into_iter().filter(|served| served.name() != name).collect();
        registry.set_resources(others);
        drop(removed.end(HostClose::Removed, self.state.stopping_time()));
        tracing::info!(resource = name, "removed");
        Ok(())
    }

    /// Reads the component of a resource again, and serves the new component if the file has changed.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]. In that case the old component is still served.
    ///
    /// # Cancel safety
    ///
    /// The reload continues when the future is dropped.
    pub async fn reload(&self, name: &str) -> Result<ReloadOutcome, ReloadError> {
        let served = self.named(name).map_err(|NoResource(name)| ReloadError::NoResource(name))?;
        served.reload_handle().reload().await
    }

    /// Ends the trial of a new component: restores the component from before the trial. The restored component
    /// continues with the states that its earlier instances handed over to the component on trial.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]. In that case the component that is served does not change.
    ///
    /// # Cancel safety
    ///
    /// Once the future has been polled, the rollback continues even if the future is dropped.
    pub async fn rollback(&self, name: &str) -> Result<Replaced, ReloadError> {
        let served = self.named(name).map_err(|NoResource(name)| ReloadError::NoResource(name))?;
        served.reload_handle().roll_back().await
    }

    /// Closes a client with 1001. Returns whether there was a client with this number.
    pub fn close_client(&self, id: u64) -> bool {
        let served = self.state.registry.all();
        let clients = served.iter().flat_map(|served| served.resource().clients());
        let found = clients.into_iter().find(|client| client.id() == ClientId(id));
        if let Some(client) = &found {
            client.close_by_host(HostClose::Operator);
        }
        found.is_some()
    }

    /// Publishes a text message to a topic of a resource. Returns the number of this host's clients that the message
    /// goes to. In a cluster the message also goes to the subscribers on the other hosts. Waits while too much
    /// published data is queued for delivery on this host.
    ///
    /// # Errors
    ///
    /// [`NoResource`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all subscribers get the message or none.
    pub async fn publish_text(
        &self,
        resource: &str,
        topic: &str,
        message: &str,
    ) -> Result<usize, NoResource> {
        self.publish(resource, topic, SharedMessage::text(message)).await
    }

    /// Publishes a binary message to a topic of a resource. Returns the number of this host's clients that the message
    /// goes to. In a cluster the message also goes to the subscribers on the other hosts. Waits while too much
    /// published data is queued for delivery on this host.
    ///
    /// # Errors
    ///
    /// [`NoResource`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all subscribers get the message or none.
    pub async fn publish_binary(
        &self,
        resource: &str,
        topic: &str,
        message: &[u8],
    ) -> Result<usize, NoResource> {
        self.publish(resource, topic, SharedMessage::binary(message)).await
    }

    /// Returns the state of the host's membership in its cluster. Returns `None` if the host is in no cluster.
    pub fn cluster(&self) -> Option<ClusterStatus> {
        self.state.context.cluster.as_ref().map(Cluster::status)
    }

    /// Returns whether every worker responds. A worker that is busy with handlers still responds. A worker that does
    /// not respond serves no client, and only a restart of the process helps.
    pub fn is_responsive(&self) -> bool {
        self.state.context.workers.stuck().is_empty()
    }

    /// Drains the host: accepts no more clients, calls `stopping` in handlers that export it, and closes every client
    /// with 1001. Waits until all clients have gone or the drain timeout expires. If there are many clients, the closes
    /// are spread over half of the drain timeout.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, clients that it has closed stay closed.
    pub async fn drain(&self) -> Stopped {
        self.state.drain().await
    }

    /// Returns all metrics in the text format of Prometheus, version 0.0.4. This takes time in proportion to the number
    /// of clients and actors.
    #[must_use]
    pub fn metrics(&self) -> String {
        operator::scrape(&self.state)
    }

    async fn publish(
        &self,
        resource: &str,
        topic: &str,
        message: SharedMessage,
    ) -> Result<usize, NoResource> {
        Ok(self.named(resource)?.resource().topics().publish(topic, message).await)
    }

    pub(in crate::server) fn named(&self, name: &str) -> Result<Arc<ServedResource>, NoResource> {
        self.state.registry.named(name).ok_or_else(|| NoResource(name.to_owned()))
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("resources", &self.resources()).finish_non_exhaustive()
    }
}
