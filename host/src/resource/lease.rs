//! The lease that keeps an actor for a client.

use std::sync::Arc;

use super::{Key, Resource};
use crate::actor::Actor;

/// Keeps an actor while a client is connected to it, or in its handshake.
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
        self.resource.end_lease(&self.key);
    }
}
