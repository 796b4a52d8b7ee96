//! WebSockets that handlers open. Like the connections of clients, each belongs to an actor.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use ws_host_protocol::handshake::{Scheme, Version};

use super::context::HostContext;
use crate::actor::Actor;
use crate::actor_resources::ActorResources;
use crate::budget::Budget;
use crate::clients::{Client, ClientId, ClientInfo, ConnectionId, Headers, HttpVersion, Ids};
use crate::config::{Mode, ResourceConfig};
use crate::connection::{AdmittedClient, ClosingConnections, Connection, ConnectionGuard, opened};
use crate::dialer::{ConnectFuture, DialError, DialRequest, Dialer};

/// How many connections the handlers of a resource may have open, in all and for each actor. Each connection takes a
/// file descriptor of the process.
const MAX_CONNECTIONS: usize = 1024;
const MAX_OF_ACTOR: usize = 16;

/// The state that all outgoing connections of a resource share.
pub(super) struct Dialing {
    settings: Arc<RwLock<Arc<ResourceConfig>>>,
    is_stopped: Arc<AtomicBool>,
    permits: Arc<Semaphore>,
    ids: Arc<Ids>,
    connections: Arc<Ids>,
    tasks: TaskTracker,
    closing: Arc<ClosingConnections>,
    budget: Arc<Budget>,
    mode: Mode,
}

/// Opens the connections of one actor.
struct ActorDialer {
    dialing: Arc<Dialing>,
    actor: Weak<Actor>,
}

impl fmt::Debug for ActorDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorDialer").finish_non_exhaustive()
    }
}

impl Dialing {
    pub(super) fn new(
        context: &HostContext,
        settings: Arc<RwLock<Arc<ResourceConfig>>>,
        is_stopped: Arc<AtomicBool>,
    ) -> Self {
        Self {
            settings,
            is_stopped,
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            ids: Arc::clone(&context.ids),
            connections: Arc::clone(&context.connections),
            tasks: context.tasks.clone(),
            closing: Arc::clone(&context.closing),
            budget: Arc::clone(&context.budget),
            mode: context.config.mode,
        }
    }

    pub(super) fn of_actor(self: &Arc<Self>, actor: Weak<Actor>) -> Arc<dyn Dialer> {
        Arc::new(ActorDialer { dialing: Arc::clone(self), actor })
    }
}

impl Dialer for ActorDialer {
    fn dial(
        &self,
        resources: &Arc<ActorResources>,
        request: DialRequest,
    ) -> Result<ClientId, DialError> {
        let Dialing {
            settings,
            is_stopped,
            permits,
            ids,
            connections,
            tasks,
            closing,
            budget,
            mode,
        } = &*self.dialing;
        let Some(actor) = self.actor.upgrade() else { return Err(DialError::Stopping) };
        if is_stopped.load(Ordering::Acquire) {
            return Err(DialError::Stopping);
        }
        if resources.outgoing.len() >= MAX_OF_ACTOR {
            return Err(DialError::TooMany);
        }
        let permit = Arc::clone(permits).try_acquire_owned().map_err(|_| DialError::TooMany)?;
        let settings = Arc::clone(&settings.read());
        let (info, connect) = info(&settings, request, connections.next_connection());
        let id = ids.next();
        let max_outbound = settings.limits.max_outbound;
        let on_full = settings.on_full.into();
        let client =
            Arc::new(Client::new(id, info, max_outbound, on_full, budget, actor.metrics().clone()));
        let registration = resources.register_outgoing(&client);
        let closing = Arc::clone(closing);
        let guard = ConnectionGuard { _permit: permit, _token: tasks.token(), closing };
        let admitted =
            AdmittedClient::outgoing(client, registration, Arc::clone(&actor), Arc::new(guard));
        // Automatic answers are only for messages of clients, so an outgoing connection gets settings without them.
        let settings = Arc::new(ResourceConfig { auto_answers: Vec::new(), ..(*settings).clone() });
        let mode = *mode;
        actor.worker().run(async move {
            let client = Arc::clone(admitted.client());
            match opened(&client, connect).await {
                Ok(opened) => {
                    client.info().agree(|offered| Some(offered) == opened.subprotocol.as_deref());
                    let connection = Connection::new(admitted, opened.stream, settings, mode);
                    connection.serve(opened.early).await;
                }
                Err(end) => drop(admitted.disconnect(&end)),
            }
        });
        Ok(id)
    }
}

fn info(
    settings: &ResourceConfig,
    request: DialRequest,
    connection: ConnectionId,
) -> (ClientInfo, ConnectFuture) {
    let DialRequest { url, path, query, is_encrypted, subprotocols, connect } = request;
    let unspecified = std::net::Ipv4Addr::UNSPECIFIED;
    let info = ClientInfo {
        resource: Arc::clone(&settings.name),
        path,
        query,
        parameters: Vec::new(),
        headers: Headers::none(),
        subprotocols,
        origin: None,
        version: Version::Rfc6455,
        deflate: None,
        address: unspecified.into(),
        scheme: if is_encrypted { Scheme::Https } else { Scheme::Http },
        peer: (unspecified, 0).into(),
        connection,
        local: (unspecified, 0).into(),
        http_version: HttpVersion::Http1,
        server_name: None,
        certificate: None,
        url: Some(url.into()),
        edge: None,
        trace: None,
        agreed: OnceLock::new(),
    };
    (info, connect)
}
