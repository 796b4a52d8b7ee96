//! Resources that are served, whoever accepts the connections.

mod admission;
mod configure;
mod context;
mod custom;
mod refused_origin;
mod registry;
mod relief;
pub(in crate::server) mod request;
mod routes;
mod runtimes;
mod served;
mod state;
mod tagged;

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio_util::task::AbortOnDropHandle;
use ws_host_protocol::SharedMessage;

use self::configure::configure;
pub use self::configure::{ConfigureError, Configured};
pub use self::custom::CustomMessage;
use self::relief::relief;
pub(in crate::server) use self::routes::answer;
use self::served::{PreparedResource, ServedResource};
pub(in crate::server) use self::state::HostState;
pub use self::tagged::TaggedError;
use super::error::StartError;
use crate::actor::TrialState;
use crate::clients::{ClientId, HostClose};
use crate::config::{self, Address};
use crate::guest::CustomReply;
use crate::pattern::normalized;
use crate::reload::{ReloadError, ReloadOutcome, Replaced};
use crate::resource::{NoTarget, Target};

/// What clients hear whom whoever runs the server closes without a word.
pub(in crate::server) const CLOSED_BY_THE_ADMINISTRATOR: &str = "closed by the administrator";

/// Resources that are served, whoever accepts the connections. Copies are the same host.
///
/// Made by [`Server`](crate::Server), or by itself as part of another program:
///
/// - [`answer`](Self::answer) takes over a request of another program's HTTP server, as hyper and axum
///   have them;
/// - [`serve_stream`](Self::serve_stream) serves any stream.
#[derive(Clone)]
pub struct Host {
    pub(in crate::server) state: Arc<HostState>,
}

/// No resource has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no resource {0:?}")]
pub struct NoResource(pub String);

/// For which instances of a resource a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipient {
    /// All that there are.
    All,
    /// That of this path, however it is written, of a resource that has one for each path. It begins if it
    /// has to.
    Path(String),
    /// That of the client with this number.
    Client(u64),
}

/// Why a message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomError {
    /// There is no such resource.
    #[error(transparent)]
    NoResource(#[from] NoResource),
    /// The resource does not have an instance for each path.
    #[error("the resource does not have an instance for each path (instance-per = \"path\")")]
    NotPerPath,
    /// No such client is connected.
    #[error("no client of this number is connected")]
    NoClient,
    /// There is no room for the instance.
    #[error("there are as many instances as there may be")]
    NoRoom,
    /// The kind of the message is too long.
    #[error("the kind of a message has at most 255 octets")]
    KindTooLong,
    /// The sender of the message is too long.
    #[error("the sender of a message has at most 255 octets")]
    SenderTooLong,
}

/// What an instance made of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CustomAnswer {
    /// The handler's answer.
    Given(Vec<u8>),
    /// The handler says why not.
    Refused(String),
    /// The component has no `custom-listener`.
    NoListener,
    /// The handler failed; the log says why.
    Failed,
}

/// A resource, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceStatus {
    /// Its name.
    pub name: String,
    /// Its path, or pattern of paths.
    pub path: String,
    /// The one of the server's addresses at which it is served, as the configuration has it. `None`: at all.
    pub listen: Option<Address>,
    /// The file of its component.
    pub component: String,
    /// The beginning of the SHA-256 of the component.
    pub hash: String,
    /// Whether the component is on trial, or was brought back from one.
    pub trial: TrialState,
    /// How many clients are connected.
    pub clients: usize,
}

/// A client, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClientStatus {
    /// Its number.
    pub id: u64,
    /// The name of its resource.
    pub resource: String,
    /// The path that it asked for.
    pub path: String,
    /// Its address, as a trusted proxy may tell it.
    pub address: String,
    /// The other end of its connection.
    pub peer: SocketAddr,
    /// The version of the protocol that it speaks.
    pub version: u16,
    /// Octets that wait to be written to it.
    pub buffered: usize,
}

/// How a server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// Every client was told and has gone.
    Drained,
    /// So many clients were still there when the time was over.
    Abandoned(usize),
}

impl Host {
    /// Loads every component, and tries whether an instance of it can be made.
    ///
    /// Must be called inside a tokio runtime. Clients are served by workers, threads of the host's own, as many as
    /// the configuration allows; this runtime looks after them, and must run as long as the host does.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    ///
    /// # Cancel safety
    ///
    /// Whatever has started ends when the future is dropped.
    pub async fn start(config: config::Host) -> Result<Self, StartError> {
        let mut config = config.checked()?;
        let resources = std::mem::take(&mut config.resources);
        let state = HostState::new(config).map_err(StartError::Worker)?;
        let mut serving = Vec::with_capacity(resources.len());
        for settings in resources {
            serving.push(ServedResource::start(
                &state.context,
                PreparedResource::load(&state.context, settings).await?,
            ));
        }
        state.registry.replace(serving);
        let state = Arc::new(state);
        let relief = relief(Arc::downgrade(&state), Arc::clone(&state.context.budget));
        state.keep_relief(AbortOnDropHandle::new(tokio::spawn(relief)));
        Ok(Self { state })
    }

    /// Serves these resources from now on, and no others. What did not change is not touched; if
    /// anything cannot be served, nothing changes.
    ///
    /// # Errors
    ///
    /// [`ConfigureError`].
    ///
    /// # Cancel safety
    ///
    /// A change that has begun goes on when the future is dropped; one that waits for another is given up.
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

    /// Stops serving a resource: its clients are closed with 1001, as soon as a handler that wants to hear of it has.
    ///
    /// # Errors
    ///
    /// [`NoResource`].
    ///
    /// # Cancel safety
    ///
    /// Nothing happens before the future has waited for a change that is under way.
    pub async fn remove(&self, name: &str) -> Result<(), NoResource> {
        let registry = &self.state.registry;
        let _changing = registry.changing.lock().await;
        let removed = self.named(name)?;
        let others = registry.all().into_iter().filter(|served| served.name() != name).collect();
        registry.replace(others);
        removed.end(HostClose::Removed, self.state.stopping_time());
        tracing::info!(resource = name, "removed");
        Ok(())
    }

    /// Reads the component of a resource again, and serves it if it changed.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]; what was served before still is.
    ///
    /// # Cancel safety
    ///
    /// The reload goes on when the future is dropped.
    pub async fn reload(&self, name: &str) -> Result<ReloadOutcome, ReloadError> {
        let served = self.named(name).map_err(|error| ReloadError::Component(error.to_string()))?;
        served.reloader().reload().await
    }

    /// Lets the component come back that was served before the last reload, with the states that it handed
    /// over, while the new one is on trial.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]; what is served stays as it is.
    ///
    /// # Cancel safety
    ///
    /// Once the future was polled the rollback goes on when it is dropped.
    pub async fn rollback(&self, name: &str) -> Result<Replaced, ReloadError> {
        let served = self.named(name).map_err(|error| ReloadError::Component(error.to_string()))?;
        served.reloader().roll_back().await
    }

    /// All resources, by name.
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

    /// All clients that are connected, in no order.
    pub fn clients(&self) -> Vec<ClientStatus> {
        let mut all = Vec::new();
        for served in self.state.registry.all() {
            all.extend(served.resource().clients().iter().map(|client| {
                let info = client.info();
                ClientStatus {
                    id: client.id().0,
                    resource: served.name().to_owned(),
                    path: info.path.clone(),
                    address: info.address.to_string(),
                    peer: info.peer,
                    version: info.version.number(),
                    buffered: client.buffered(),
                }
            }));
        }
        all
    }

    /// Closes a client with 1001. Answers whether there was one.
    pub fn close_client(&self, id: u64) -> bool {
        let served = self.state.registry.all();
        let clients = served.iter().flat_map(|served| served.resource().clients());
        let found = clients.into_iter().find(|client| client.id() == ClientId(id));
        if let Some(client) = &found {
            client.close_by_host(HostClose::Operator);
        }
        found.is_some()
    }

    /// Brings a message to instances of a resource, to each in the order of its events, and gives what
    /// came of it.
    ///
    /// # Errors
    ///
    /// [`CustomError`]; nobody got it then.
    ///
    /// # Cancel safety
    ///
    /// The message is delivered when the future is dropped, unless it still waits because there are
    /// too many before it (65,536, counted for each instance that has one before it).
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
            Recipient::Path(path) => Target::Path(normalized(&path).into_owned()),
            Recipient::Client(id) => Target::Client(ClientId(id)),
        };
        let answers = served.resource().receive_custom(target, message.bytes(), info).await?;
        let told = |answer| match answer {
            Ok(CustomReply::Given(answer)) => CustomAnswer::Given(answer),
            Ok(CustomReply::Refused(why)) => CustomAnswer::Refused(why),
            Ok(CustomReply::NoListener) => CustomAnswer::NoListener,
            Err(_) => CustomAnswer::Failed,
        };
        Ok(answers.into_iter().map(told).collect())
    }

    /// Publishes a text message to a topic of a resource. Answers to how many clients it goes. It waits while too
    /// much that was published waits to be delivered.
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

    /// Publishes a binary message to a topic of a resource. Answers to how many clients it goes. It waits while too
    /// much that was published waits to be delivered.
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

    /// Lets nobody in any more, tells handlers that want to hear of it, closes every client with 1001, and waits for
    /// them as long as the configuration says.
    ///
    /// # Cancel safety
    ///
    /// Clients that were closed stay closed.
    pub async fn drain(&self) -> Stopped {
        self.state.drain().await
    }

    /// Tells the metrics what can only be told when it is asked for.
    pub(in crate::server) fn measure(&self) {
        let budget = &self.state.context.budget;
        metrics::gauge!("ws_host_buffered_bytes").set(budget.used() as f64);
        metrics::gauge!("ws_host_max_buffered_bytes").set(budget.limit() as f64);
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

impl From<NoTarget> for CustomError {
    fn from(none: NoTarget) -> Self {
        match none {
            NoTarget::NotPerPath => Self::NotPerPath,
            NoTarget::NoClient => Self::NoClient,
            NoTarget::NoRoom => Self::NoRoom,
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("resources", &self.resources()).finish_non_exhaustive()
    }
}
