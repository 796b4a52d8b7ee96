//! Who counts as a client, and connections that wait for their client to close too.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clients::{Client, ClientId};

/// Counts as a client while it lives: until the last event has been delivered and the connection is closed.
pub(crate) struct CountedClient {
    /// Counts against the limit of clients.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Makes a server that stops wait for it.
    pub(crate) _token: TaskTrackerToken,
    pub(crate) closing: Arc<ClosingConnections>,
}

/// Connections that have ended and wait for their client to close too. A client may take its time, as long as
/// nobody else needs its place.
#[derive(Default)]
pub(crate) struct ClosingConnections {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// Those that wait, the oldest first. One whose sender is dropped waits no longer.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
    /// All whose connection has ended and is not closed.
    leaving: HashMap<ClientId, Arc<Client>>,
}

/// The entry of one that leaves.
struct Leaving<'a> {
    closing: &'a ClosingConnections,
    client: ClientId,
}

/// The entry of one that waits.
struct Waiting<'a> {
    closing: &'a ClosingConnections,
    number: u64,
    given_way: oneshot::Receiver<()>,
}

impl ClosingConnections {
    /// Lets the one that has waited for longest wait no longer. Answers whether there was one.
    pub(crate) fn evict_one(&self) -> bool {
        self.table.lock().waiting.pop_first().is_some()
    }

    /// Clients whose connection has ended. There may still be much to be written to them.
    pub(crate) fn leaving(&self) -> Vec<Arc<Client>> {
        self.table.lock().leaving.values().cloned().collect()
    }
}

impl CountedClient {
    /// Takes leave of a client, until that is done or somebody else needs its place. As long as there is something
    /// to be written to it, it does not give way.
    ///
    /// # Cancel safety
    ///
    /// The farewell is dropped with the future.
    pub(super) async fn take_leave(
        &self,
        client: &Arc<Client>,
        farewell: impl Future<Output = ()>,
    ) {
        let _leaving = self.closing.leave(client);
        let mut farewell = pin!(farewell);
        let mut waiting = None;
        poll_fn(|context| {
            if farewell.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if waiting.is_none() && client.buffered() == 0 {
                waiting = Some(self.closing.add());
            }
            match &mut waiting {
                // Either way the sender is gone.
                Some(waiting) => Pin::new(&mut waiting.given_way).poll(context).map(drop),
                None => Poll::Pending,
            }
        })
        .await;
    }
}

impl ClosingConnections {
    fn leave(&self, client: &Arc<Client>) -> Leaving<'_> {
        self.table.lock().leaving.insert(client.id(), Arc::clone(client));
        Leaving { closing: self, client: client.id() }
    }

    fn add(&self) -> Waiting<'_> {
        let (sender, given_way) = oneshot::channel();
        let mut table = self.table.lock();
        let number = table.next;
        table.next += 1;
        table.waiting.insert(number, sender);
        Waiting { closing: self, number, given_way }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.closing.table.lock().leaving.remove(&self.client);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.closing.table.lock().waiting.remove(&self.number);
    }
}
