//! Connections that have ended but are not closed yet. This module also contains the guard that holds a connection's
//! permit.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clients::{Client, ClientId};

/// One of the permits that limit how many clients or outgoing WebSockets there are. It is held until the handler has
/// received the last event and the connection is closed.
pub(crate) struct ConnectionGuard {
    /// The permit that counts a client against `max-clients`, or an outgoing WebSocket against its own limit.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Makes a graceful shutdown wait for the connection.
    pub(crate) _token: TaskTrackerToken,
    pub(crate) closing: Arc<ClosingConnections>,
}

/// Connections that have ended but are not closed yet. A client may take its time to close, until a new client needs
/// the permit.
#[derive(Default)]
pub(crate) struct ClosingConnections {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// Connections that may be evicted, the oldest first. Dropping a sender evicts its connection.
    evictable: BTreeMap<u64, oneshot::Sender<()>>,
    /// The clients of all connections that have ended but are not closed yet.
    clients: HashMap<ClientId, Arc<Client>>,
}

/// An entry in [`Table::clients`]. Dropping this value removes the entry.
struct ClientEntry<'a> {
    closing: &'a ClosingConnections,
    client: ClientId,
}

/// An entry in [`Table::evictable`]. Dropping this value removes the entry.
struct EvictableEntry<'a> {
    closing: &'a ClosingConnections,
    number: u64,
    evicted: oneshot::Receiver<()>,
}

impl ClosingConnections {
    /// Evicts the connection that has waited longest for its client to close. Returns whether there was one.
    pub(crate) fn evict_one(&self) -> bool {
        self.table.lock().evictable.pop_first().is_some()
    }

    /// Returns the clients that are still being closed. A lot of output may still be waiting for them.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.table.lock().clients.values().cloned().collect()
    }
}

impl ConnectionGuard {
    /// Runs the rest of a connection until it completes, or until a new client needs the permit. Must be called only
    /// when no output waits for the client.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `rest`.
    pub(crate) async fn run_evictable(&self, rest: impl Future<Output = ()>) {
        let mut entry = self.closing.add_evictable();
        tokio::select! {
            () = rest => {}
            // The result does not matter: the connection is evicted in both cases.
            _ = &mut entry.evicted => {}
        }
    }

    /// Runs `close`, which closes a connection, to completion. Stops early if a new client needs the permit, but never
    /// while output waits for the connection's client.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `close`.
    pub(super) async fn run_close(&self, client: &Arc<Client>, close: impl Future<Output = ()>) {
        let _entry = self.closing.add_client(client);
        let mut close = pin!(close);
        let mut evictable = None;
        poll_fn(|context| {
            if close.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if evictable.is_none() && client.buffered() == 0 {
                evictable = Some(self.closing.add_evictable());
            }
            match &mut evictable {
                // The result does not matter: the connection is evicted in both cases.
                Some(entry) => Pin::new(&mut entry.evicted).poll(context).map(drop),
                None => Poll::Pending,
            }
        })
        .await;
    }
}

impl ClosingConnections {
    fn add_client(&self, client: &Arc<Client>) -> ClientEntry<'_> {
        self.table.lock().clients.insert(client.id(), Arc::clone(client));
        ClientEntry { closing: self, client: client.id() }
    }

    fn add_evictable(&self) -> EvictableEntry<'_> {
        let (sender, evicted) = oneshot::channel();
        let mut table = self.table.lock();
        let number = table.next;
        table.next += 1;
        table.evictable.insert(number, sender);
        EvictableEntry { closing: self, number, evicted }
    }
}

impl Drop for ClientEntry<'_> {
    fn drop(&mut self) {
        self.closing.table.lock().clients.remove(&self.client);
    }
}

impl Drop for EvictableEntry<'_> {
    fn drop(&mut self) {
        self.closing.table.lock().evictable.remove(&self.number);
    }
}
