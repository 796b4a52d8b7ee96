//! The parts of an actor that outlive its instances: its clients, its timers, and the topics and tags that it shares
//! with the other actors of its resource.

use std::sync::{Arc, OnceLock};

use crate::clients::{Client, ClientId, Clients};
use crate::dialer::Dialer;
use crate::metrics::ActorMetrics;
use crate::ownership::{NotOwner, Ownership};
use crate::timers::Timers;
use crate::topics::Topics;

/// The clients, timers and topics of an actor. The actor's instances use them one after the other.
#[derive(Debug)]
pub(crate) struct ActorResources {
    /// The name of the actor in its resource.
    pub(crate) name: Box<str>,
    pub(crate) clients: Clients,
    /// The connections that the handler has opened.
    pub(crate) outgoing: Clients,
    /// Opens the connections of the handler.
    pub(crate) dialer: OnceLock<Arc<dyn Dialer>>,
    pub(crate) timers: Timers,
    pub(crate) topics: Arc<Topics>,
    pub(crate) metrics: ActorMetrics,
    /// The right to run the actor, if the actor is unique in the cluster.
    pub(crate) ownership: Option<Arc<dyn Ownership>>,
}

/// A guard that keeps a client registered with its actor. It is created before `connected` is called, and exists until
/// the connection has ended or the handler has refused the client. Dropping the guard removes the client from
/// everything that the actor has.
#[derive(Debug)]
pub(crate) struct Registration {
    resources: Arc<ActorResources>,
    client: Arc<Client>,
}

impl ActorResources {
    pub(crate) fn new(name: Box<str>, topics: Arc<Topics>, metrics: ActorMetrics) -> Self {
        Self {
            name,
            clients: Clients::default(),
            outgoing: Clients::default(),
            dialer: OnceLock::new(),
            timers: Timers::default(),
            topics,
            metrics,
            ownership: None,
        }
    }

    /// Sets the right to run the actor, if the actor is unique in the cluster.
    pub(crate) fn owned_by(self, ownership: Option<Arc<dyn Ownership>>) -> Self {
        Self { ownership, ..self }
    }

    /// Checks that the actor may run now. Called before each event, at ticks, and in imports with an effect outside the
    /// actor.
    ///
    /// # Errors
    ///
    /// [`NotOwner`].
    #[inline(always)]
    pub(crate) fn check_ownership(&self) -> Result<(), NotOwner> {
        match &self.ownership {
            None => Ok(()),
            Some(ownership) => ownership.holding().check(),
        }
    }

    /// Registers a client. Until the returned guard is dropped, the guest can send to the client, subscribe it and tag
    /// it.
    pub(crate) fn register(self: &Arc<Self>, client: &Arc<Client>) -> Registration {
        self.clients.insert(Arc::clone(client));
        Registration { resources: Arc::clone(self), client: Arc::clone(client) }
    }

    /// Does the same as [`register`](Self::register), for a connection that the handler has opened.
    pub(crate) fn register_outgoing(self: &Arc<Self>, connection: &Arc<Client>) -> Registration {
        self.outgoing.insert(Arc::clone(connection));
        Registration { resources: Arc::clone(self), client: Arc::clone(connection) }
    }

    /// Returns the client or the outgoing connection with this id.
    pub(crate) fn find(&self, id: ClientId) -> Option<Arc<Client>> {
        self.clients.find(id).or_else(|| self.outgoing.find(id))
    }

    /// Removes a client everywhere. No other function does this. If anything else is ever kept for clients, this
    /// function must remove it too.
    fn forget(&self, client: &Client) {
        // This comes first, so that nothing can subscribe or tag the client again.
        client.mark_disconnected();
        self.clients.remove(client.id());
        self.outgoing.remove(client.id());
        self.topics.remove_client(client.id());
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.resources.forget(&self.client);
    }
}
