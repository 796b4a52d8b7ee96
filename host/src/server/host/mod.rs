//! The host: resources and their clients, whatever program accepts the connections.

mod check;
mod configure;
pub(in crate::server) mod handshake;
mod operator;
mod placing;
mod relays;
mod relief;
mod resources;
mod routes;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio_util::task::AbortOnDropHandle;
use ws_host_protocol::SharedMessage;

pub use self::check::CheckedResource;
pub(in crate::server) use self::check::check;
use self::configure::configure;
pub use self::configure::{ConfigureError, Configured};
pub use self::operator::{CustomAnswer, CustomError, CustomMessage, Recipient, TaggedError};
pub(in crate::server) use self::operator::{StatusQuery, WatchedHost};
use self::relief::relief;
use self::resources::{PreparedResource, ServedResource};
pub(in crate::server) use self::routes::handle_request;
pub(in crate::server) use self::state::HostState;
use super::error::StartError;
use crate::actor::TrialState;
use crate::clients::{Client, ClientId, HostClose};
use crate::cluster::relay::Peers;
use crate::cluster::{Cluster, ClusterStatus};
use crate::config::{self, Address};
use crate::guest::CustomReply;
use crate::pattern::normalized;
use crate::platform::{Machine, Platform};
use crate::reload::{ReloadError, ReloadOutcome, Replaced};
use crate::resource::Target;

/// The close reason of clients that the operator closes without giving a reason.
pub(in crate::server) const CLOSED_BY_THE_OPERATOR: &str = "closed by the operator";

/// The resources that are served, whatever program accepts the connections. Clones are handles to the same host.
///
/// [`Server`](crate::Server) starts a host. Another program can embed one without a server:
///
/// - [`answer`](Self::answer) answers a request that another HTTP server has read, such as one of hyper or axum;
/// - [`serve_stream`](Self::serve_stream) serves any byte stream.
#[derive(Clone)]
pub struct Host {
    pub(in crate::server) state: Arc<HostState>,
}

/// The error for a name that no resource has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no resource {0:?}")]
pub struct NoResource(pub String);

/// The present state of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceStatus {
    /// The name of the resource.
    pub name: String,
    /// The path of the resource, or its pattern of paths.
    pub path: String,
    /// The server's address that serves the resource, as configured. `None`: all addresses of the server.
    pub listen: Option<Address>,
    /// The file of the resource's component.
    pub component: String,
    /// The first digits of the component's SHA-256 hash.
    pub hash: String,
    /// Whether the component is on trial, or was restored by a rollback.
    pub trial: TrialState,
    /// How many clients are connected.
    pub clients: usize,
}

/// The present state of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClientStatus {
    /// The number of the client.
    pub id: u64,
    /// The name of the client's resource.
    pub resource: String,
    /// The path that the client requested.
    pub path: String,
    /// The client's address. If there is a trusted proxy, this is the address that the proxy reports.
    pub address: String,
    /// The address of the other end of the connection: the client or a proxy.
    pub peer: SocketAddr,
    /// The version of the protocol that the client speaks.
    pub version: u16,
    /// The number of bytes that wait to be written to the client.
    pub buffered: usize,
}

/// The way in which a server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// Every client was closed and has gone.
    Drained,
    /// The drain timeout expired while this number of clients were still connected.
    Abandoned(usize),
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
    pub async fn start(config: config::Host) -> Result<Self, StartError> {
        Self::start_on(Arc::new(Machine), config).await
    }

    /// Does the same as [`start`](Self::start), on the given platform.
    pub(crate) async fn start_on(
        platform: Arc<dyn Platform>,
        config: config::Host,
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
            state.keep_ends(AbortOnDropHandle::new(tokio::spawn(ends)));
        }
        Ok(Self { state })
    }

    /// Replaces all resources by `resources`. Resources whose settings are the same continue undisturbed. If one of
    /// them cannot be served, nothing changes.
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
        resources: Vec<config::Resource>,
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
    /// [`ReloadError`]; the old component is still served then.
    ///
    /// # Cancel safety
    ///
    /// The reload continues when the future is dropped.
    pub async fn reload(&self, name: &str) -> Result<ReloadOutcome, ReloadError> {
        let served = self.named(name).map_err(|error| ReloadError::Component(error.to_string()))?;
        served.reload_handle().reload().await
    }

    /// Ends the trial of a new component: restores the component from before the trial. Its instances continue with the
    /// states that they handed over to the new component.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]; the component that is served does not change then.
    ///
    /// # Cancel safety
    ///
    /// Once the future has been polled, the rollback continues when the future is dropped.
    pub async fn rollback(&self, name: &str) -> Result<Replaced, ReloadError> {
        let served = self.named(name).map_err(|error| ReloadError::Component(error.to_string()))?;
        served.reload_handle().roll_back().await
    }

    /// Returns all resources, sorted by name.
    pub fn resources(&self) -> Vec<ResourceStatus> {
        let status = |served: &Arc<ServedResource>| {
            let settings = served.settings();
            ResourceStatus {
                name: served.name().to_owned(),
                path: settings.path.as_str().to_owned(),
                listen: settings.listen.clone(),
                component: settings.component.display().to_string(),
                hash: served.resource().code().template().hash().to_owned(),
                trial: served.resource().code().trial_state(),
                clients: served.resource().clients().len(),
            }
        };
        self.state.registry.all().iter().map(status).collect()
    }

    /// Returns all connected clients, in no particular order.
    pub fn clients(&self) -> Vec<ClientStatus> {
        let mut all = Vec::new();
        for served in self.state.registry.all() {
            let clients = served.resource().clients();
            all.extend(clients.iter().map(|client| client_status(served.name(), client)));
        }
        all
    }

    /// Returns the state for people who watch the host. Must not be called on a worker.
    pub(in crate::server) fn watched(&self, query: &StatusQuery) -> WatchedHost {
        operator::status(&self.state, query)
    }

    /// Closes a client with 1001. Returns whether there was one with this number.
    pub fn close_client(&self, id: u64) -> bool {
        let served = self.state.registry.all();
        let clients = served.iter().flat_map(|served| served.resource().clients());
        let found = clients.into_iter().find(|client| client.id() == ClientId(id));
        if let Some(client) = &found {
            client.close_by_host(HostClose::Operator);
        }
        found.is_some()
    }

    /// Sends a message to instances of a resource, and returns their answers. Each instance handles the message as an
    /// event, in order with its other events.
    ///
    /// # Errors
    ///
    /// [`CustomError`]; no instance got the message then.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the message is still delivered, unless it still waits for room in the queue. The
    /// queue has room for 65,536 deliveries. A message is one delivery for each instance that gets it.
    pub async fn send_custom(
        &self,
        resource: &str,
        to: Recipient,
        message: impl Into<CustomMessage<'_>>,
    ) -> Result<Vec<CustomAnswer>, CustomError> {
        let message = message.into();
        let info = message.info()?;
        let served = self.named(resource)?;
        let target = match to {
            Recipient::All => Target::All,
            Recipient::Path(path) => {
                let path = normalized(&path).into_owned();
                let ownership = placing::ownership(&self.state, &served, &path).await?;
                Target::Path(path, ownership)
            }
            Recipient::Client(id) => Target::Client(ClientId(id)),
        };
        let answers = served.resource().receive_custom(target, message.bytes(), info).await?;
        let to_answer = |answer| match answer {
            Ok(CustomReply::Given(answer)) => CustomAnswer::Given(answer),
            Ok(CustomReply::Refused(why)) => CustomAnswer::Refused(why),
            Ok(CustomReply::NoListener) => CustomAnswer::NoListener,
            Err(_) => CustomAnswer::Failed,
        };
        Ok(answers.into_iter().map(to_answer).collect())
    }

    /// Publishes a text message to a topic of a resource. Returns the number of clients of this host that it goes to.
    /// In a cluster it also goes to the subscribers on the other hosts. Waits while too much published data waits for
    /// delivery here.
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

    /// Publishes a binary message to a topic of a resource. Returns the number of clients of this host that it goes to.
    /// In a cluster it also goes to the subscribers on the other hosts. Waits while too much published data waits for
    /// delivery here.
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

    /// Drains the host: accepts no more clients, calls `stopping` in handlers that export it, closes every client with
    /// 1001, and waits until all clients have gone or the drain timeout expires. If there are many clients, the closes
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

/// Loads what this host shows to other hosts of its cluster, if it is in one.
fn load_peers(config: &config::Host) -> Result<Option<Peers>, StartError> {
    let peers = config.cluster.as_ref().map(Peers::load).transpose();
    Ok(peers.map_err(|error| StartError::Certificate(error.into()))?.flatten())
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("resources", &self.resources()).finish_non_exhaustive()
    }
}

fn client_status(resource: &str, client: &Client) -> ClientStatus {
    let info = client.info();
    ClientStatus {
        id: client.id().0,
        resource: resource.to_owned(),
        path: info.path.clone(),
        address: info.address.to_string(),
        peer: info.peer,
        version: info.version.number(),
        buffered: client.buffered(),
    }
}
