//! The lease of an actor. A client, for example, holds a lease so that the actor stays in the table of its resource.

use std::sync::Arc;

use super::{Key, Resource};
use crate::actor::Actor;

/// A lease of an actor. A client holds one from its handshake until it has disconnected. A custom message holds one
/// while its actor is being looked up or created.
pub(crate) struct ActorLease {
    resource: Arc<Resource>,
    key: Key,
    actor: Arc<Actor>,
}

impl ActorLease {
    pub(super) fn new(resource: Arc<Resource>, key: Key, actor: Arc<Actor>) -> Self {
        Self { resource, key, actor }
    }

    pub(crate) fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }
}

impl Drop for ActorLease {
    fn drop(&mut self) {
        self.resource.end_lease(&self.key, &self.actor);
    }
}
