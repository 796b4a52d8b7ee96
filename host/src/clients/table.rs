//! The clients of one actor, by id.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Client, ClientId};

/// The table that outlives the actor's instances. Ids rise, so that a tree keeps them in order.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    by_id: Mutex<BTreeMap<ClientId, Arc<Client>>>,
}

impl Clients {
    pub(crate) fn insert(&self, client: Arc<Client>) {
        self.by_id.lock().insert(client.id(), client);
    }

    pub(crate) fn remove(&self, id: ClientId) {
        self.by_id.lock().remove(&id);
    }

    /// The client of this id, if it is connected here.
    pub(crate) fn find(&self, id: ClientId) -> Option<Arc<Client>> {
        self.by_id.lock().get(&id).cloned()
    }

    /// All clients, lowest id first.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.by_id.lock().values().cloned().collect()
    }
}
