//! The clients of one actor, by id.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Client, ClientId};

/// A table of clients that outlives the actor's instances. It is sorted, so that a lookup is fast. It takes no more
/// memory than needed, because many actors have only one client. Ids increase, so a new client is usually added at the
/// end.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    sorted: Mutex<Vec<(ClientId, Arc<Client>)>>,
}

impl Clients {
    pub(crate) fn insert(&self, client: Arc<Client>) {
        let mut sorted = self.sorted.lock();
        if sorted.capacity() == 0 {
            sorted.reserve_exact(1);
        }
        match sorted.binary_search_by_key(&client.id(), |(id, _)| *id) {
            Ok(index) => sorted[index].1 = client,
            Err(index) => sorted.insert(index, (client.id(), client)),
        }
    }

    pub(crate) fn remove(&self, id: ClientId) {
        let mut sorted = self.sorted.lock();
        if let Ok(index) = sorted.binary_search_by_key(&id, |(id, _)| *id) {
            sorted.remove(index);
        }
    }

    /// Returns the client with this id, if it is a client of this actor.
    pub(crate) fn find(&self, id: ClientId) -> Option<Arc<Client>> {
        let sorted = self.sorted.lock();
        let index = sorted.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(Arc::clone(&sorted[index].1))
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.lock().len()
    }

    /// Returns the clients with the highest ids, at most `count`.
    pub(crate) fn newest(&self, count: usize) -> Vec<Arc<Client>> {
        let sorted = self.sorted.lock();
        sorted.iter().rev().take(count).map(|(_, client)| Arc::clone(client)).collect()
    }

    /// Returns all clients, lowest id first.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.sorted.lock().iter().map(|(_, client)| Arc::clone(client)).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::clients::{ClientInfo, OnFull};
    use crate::metrics::ActorMetrics;

    pub(crate) fn client(id: u64) -> Arc<Client> {
        let budget = Budget::new(1 << 20);
        Arc::new(Client::new(
            ClientId(id),
            ClientInfo::example(),
            1 << 20,
            OnFull::Drop,
            &budget,
            ActorMetrics::default(),
        ))
    }

    #[test]
    fn clients_are_found_and_sorted_in_whatever_order_they_were_added() {
        let clients = Clients::default();
        for id in [3, 1, 2, 5, 4] {
            clients.insert(client(id));
        }
        clients.remove(ClientId(2));
        clients.remove(ClientId(6));
        let ids = clients.all().iter().map(|client| client.id().0).collect::<Vec<_>>();
        assert_eq!(ids, [1, 3, 4, 5]);
        assert_eq!(clients.find(ClientId(4)).map(|client| client.id()), Some(ClientId(4)));
        assert!(clients.find(ClientId(2)).is_none());
    }
}
