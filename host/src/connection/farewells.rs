//! Who counts as a client, and connections that wait for their client to close too.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Counts as a client while it lives: until the last event has been delivered and the connection is closed.
pub(crate) struct Counted {
    /// Counts against the limit of clients.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Makes a server that stops wait for it.
    pub(crate) _token: TaskTrackerToken,
    pub(crate) farewells: Arc<Farewells>,
}

/// Connections that have ended and wait for their client to close too. A client may take its time, as long as
/// nobody else needs its place.
#[derive(Default)]
pub(crate) struct Farewells {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// Those that wait, the oldest first. One whose sender is dropped waits no longer.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
}

/// The entry of one that waits.
struct Waiting<'a> {
    farewells: &'a Farewells,
    number: u64,
}

impl Farewells {
    /// Lets the one that has waited for longest wait no longer. Answers whether there was one.
    pub(crate) fn give_way(&self) -> bool {
        self.table.lock().waiting.pop_first().is_some()
    }
}

impl Counted {
    /// Takes leave of the client, until that is done or somebody else needs its place.
    ///
    /// # Cancel safety
    ///
    /// The farewell is dropped with the future.
    pub(super) async fn take_leave(&self, farewell: impl Future<Output = ()>) {
        let (sender, given_way) = oneshot::channel();
        let _waiting = self.farewells.enter(sender);
        tokio::select! {
            () = farewell => {}
            _ = given_way => {}
        }
    }
}

impl Farewells {
    fn enter(&self, sender: oneshot::Sender<()>) -> Waiting<'_> {
        let mut table = self.table.lock();
        let number = table.next;
        table.next += 1;
        table.waiting.insert(number, sender);
        Waiting { farewells: self, number }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.farewells.table.lock().waiting.remove(&self.number);
    }
}
