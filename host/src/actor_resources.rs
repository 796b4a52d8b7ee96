//! What belongs to an actor and outlives its instances: its clients, its timers, and the topics and
//! tags that it shares with the other actors of its resource.

use std::sync::Arc;

use crate::clients::{Client, Clients};
use crate::timers::Timers;
use crate::topics::Topics;

/// What an instance finds when it takes over from another.
#[derive(Debug)]
pub(crate) struct ActorResources {
    pub(crate) clients: Clients,
    pub(crate) timers: Timers,
    pub(crate) topics: Arc<Topics>,
}

/// A client among what belongs to its actor, from before its handler is asked to when its connection has ended or its
/// handler has refused it. Dropping this forgets it wholly, on whichever way that comes.
#[derive(Debug)]
pub(crate) struct Registration {
    resources: Arc<ActorResources>,
    client: Arc<Client>,
}

impl ActorResources {
    pub(crate) fn new(topics: Arc<Topics>) -> Self {
        Self { clients: Clients::default(), timers: Timers::default(), topics }
    }

    /// From now on the guest can send to this client, subscribe and tag it, as long as the answer is kept.
    pub(crate) fn register(self: &Arc<Self>, client: &Arc<Client>) -> Registration {
        self.clients.insert(Arc::clone(client));
        Registration { resources: Arc::clone(self), client: Arc::clone(client) }
    }

    /// The one place where a client is forgotten: whatever is kept for clients must go here.
    fn forget(&self, client: &Client) {
        // First, so that nothing subscribes or tags it again.
        client.mark_disconnected();
        self.clients.remove(client.id());
        self.topics.remove_client(client.id());
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.resources.forget(&self.client);
    }
}
