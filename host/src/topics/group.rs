//! Groups: named sets of clients, and broadcasts to their members.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::{self, Handle};

use super::delivery::{Broadcast, DeliveryQueue, Members, QueuedBroadcast};
use super::remote::Remote;
use crate::clients::{Client, ClientId};

/// The maximum length of a name, in bytes.
const MAX_NAME: usize = 255;

/// The delivery queues of the workers. All groups that share these queues deliver in one common order.
#[derive(Debug, Default)]
pub(super) struct DeliveryQueues(Mutex<HashMap<runtime::Id, Arc<DeliveryQueue>>>);

/// Groups, by name and by client.
#[derive(Debug)]
pub(super) struct Groups {
    queues: Arc<DeliveryQueues>,
    /// The maximum number of groups that a client may join.
    max_per_client: usize,
    /// The other hosts. They are informed when a group gets its first member here, and when its last member here
    /// leaves.
    remote: Option<Arc<dyn Remote>>,
    table: Mutex<Table>,
}

/// The groups. This table is never locked for long, because nothing is sent while it is locked.
#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<Arc<str>, Arc<Group>>,
    by_client: HashMap<ClientId, Vec<Membership>>,
}

/// A group: a name that at least one client has joined.
#[derive(Debug)]
pub(crate) struct Group {
    name: Arc<str>,
    /// This is locked while a broadcast is put into the queues of all workers, so that the broadcast has the same
    /// position in all of them.
    shards: Mutex<Vec<Shard>>,
}

/// The members on one worker, and the queue of that worker.
#[derive(Clone, Debug)]
struct Shard {
    queue: Arc<DeliveryQueue>,
    members: Arc<Members>,
}

#[derive(Debug)]
struct Membership {
    group: Arc<Group>,
    members: Arc<Members>,
}

/// Why a client could not join a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinError {
    Closed,
    InvalidName,
    TooMany,
}

/// Returns whether a topic or a tag can have this name.
pub(crate) fn is_valid_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
}

impl DeliveryQueues {
    /// Returns the queue of this worker.
    fn for_this_worker(&self) -> Arc<DeliveryQueue> {
        let worker = Handle::current();
        let mut queues = self.0.lock();
        Arc::clone(
            queues.entry(worker.id()).or_insert_with(|| Arc::new(DeliveryQueue::new(worker))),
        )
    }
}

impl Groups {
    pub(super) fn new(
        queues: &Arc<DeliveryQueues>,
        max_per_client: usize,
        remote: Option<Arc<dyn Remote>>,
    ) -> Self {
        Self { queues: Arc::clone(queues), max_per_client, remote, table: Mutex::default() }
    }

    pub(super) fn remote(&self) -> Option<&Arc<dyn Remote>> {
        self.remote.as_ref()
    }

    /// Adds a client to a group. Has no effect if the client is already in the group. Must be called while the client's
    /// actor handles an event.
    pub(super) fn join(&self, client: &Arc<Client>, name: &str) -> Result<(), JoinError> {
        if !is_valid_name(name) {
            return Err(JoinError::InvalidName);
        }
        if !client.is_open() {
            return Err(JoinError::Closed);
        }
        let mut table = self.table.lock();
        if client.is_disconnected() {
            return Err(JoinError::Closed);
        }
        let Table { by_name, by_client } = &mut *table;
        let memberships = by_client.entry(client.id()).or_default();
        if memberships.iter().any(|membership| &*membership.group.name == name) {
            return Ok(());
        }
        if memberships.len() >= self.max_per_client {
            return Err(JoinError::TooMany);
        }
        let group = match by_name.get(name) {
            Some(group) => Arc::clone(group),
            None => {
                // This happens under the lock of the table, so that joining and leaving keep their order.
                if let Some(remote) = &self.remote {
                    remote.join(name);
                }
                let name = Arc::<str>::from(name);
                let group = Group { name: Arc::clone(&name), shards: Mutex::default() };
                Arc::clone(by_name.entry(name).or_insert(Arc::new(group)))
            }
        };
        let queue = self.queues.for_this_worker();
        let members = group.members_on(&queue);
        members.insert(Arc::clone(client), &queue);
        memberships.push(Membership { group, members });
        Ok(())
    }

    /// Removes a client from a group. Returns whether the client was in it.
    pub(super) fn leave(&self, client: ClientId, name: &str) -> bool {
        let mut table = self.table.lock();
        let Entry::Occupied(mut memberships) = table.by_client.entry(client) else { return false };
        let all = memberships.get_mut();
        let Some(at) = all.iter().position(|each| &*each.group.name == name) else { return false };
        let membership = all.swap_remove(at);
        if all.is_empty() {
            memberships.remove();
        }
        drop(table);
        self.remove_from(client, &[membership]);
        true
    }

    /// Removes a client from all its groups. Returns the number of these groups.
    pub(super) fn leave_all(&self, client: ClientId) -> usize {
        let memberships = self.table.lock().by_client.remove(&client).unwrap_or_default();
        self.remove_from(client, &memberships);
        memberships.len()
    }

    /// Removes a client from the members of groups. This may wait for up to a slice, because a delivery may hold the
    /// lock of the members for that long. So the table is not locked during this time.
    fn remove_from(&self, client: ClientId, memberships: &[Membership]) {
        for Membership { group, members } in memberships {
            members.remove(client);
            if group.len() > 0 {
                continue;
            }
            let mut table = self.table.lock();
            // Since the removal, another client may have joined, or may have created another group with this name.
            let is_same =
                table.by_name.get(&group.name).is_some_and(|named| Arc::ptr_eq(named, group));
            if is_same && group.len() == 0 {
                table.by_name.remove(&group.name);
                if let Some(remote) = &self.remote {
                    remote.leave(&group.name);
                }
            }
        }
    }

    /// Returns the names of a client's groups, in alphabetical order.
    pub(super) fn names_of(&self, client: ClientId) -> Vec<String> {
        let table = self.table.lock();
        let memberships = table.by_client.get(&client).map_or(&[][..], Vec::as_slice);
        let mut names: Vec<_> =
            memberships.iter().map(|each| each.group.name.to_string()).collect();
        drop(table);
        names.sort_unstable();
        names
    }

    /// Returns the group with this name, if it has members.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Group>> {
        self.table.lock().by_name.get(name).cloned()
    }

    /// Returns the number of groups with members.
    pub(super) fn len(&self) -> usize {
        self.table.lock().by_name.len()
    }

    /// Returns how many members the group with this name has.
    pub(super) fn count(&self, name: &str) -> usize {
        self.find(name).map_or(0, |group| group.len())
    }

    /// Sends a broadcast to the group with this name. Puts it into the queues. If the caller runs on a worker, also
    /// delivers it to the members on this worker. Returns the number of members.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the broadcast goes either to all members or to none.
    pub(super) async fn broadcast(&self, name: &str, broadcast: Broadcast) -> usize {
        let Some(group) = self.find(name) else { return 0 };
        group.wait_for_capacity().await;
        group.enqueue(broadcast).deliver_all().await
    }
}

impl Group {
    /// Waits until no worker's queue is full. Only workers that have or had members are checked.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn wait_for_capacity(&self) {
        loop {
            let full = self.shards.lock().iter().find(|shard| shard.queue.is_full()).cloned();
            let Some(Shard { queue, .. }) = full else { return };
            queue.wait_for_capacity().await;
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether any worker's queue is full. Only workers that have or had members are checked.
    #[cfg(feature = "nats")]
    pub(super) fn is_full(&self) -> bool {
        self.shards.lock().iter().any(|shard| shard.queue.is_full())
    }

    /// Puts a broadcast into the queues of all workers that have members.
    pub(super) fn enqueue(&self, broadcast: Broadcast) -> QueuedBroadcast {
        self.enqueue_and(broadcast, || ())
    }

    /// Puts a broadcast into the queues of all workers that have members. Then calls `last`, before another broadcast
    /// can be queued. So members and `last` see all broadcasts in the same order.
    pub(super) fn enqueue_and(&self, broadcast: Broadcast, last: impl FnOnce()) -> QueuedBroadcast {
        let broadcast = Arc::new(broadcast);
        let this_worker = Handle::try_current().ok().map(|worker| worker.id());
        let (mut count, mut local) = (0, None);
        let shards = self.shards.lock();
        for Shard { queue, members } in shards.iter().filter(|shard| shard.members.len() > 0) {
            count += members.len();
            let number = queue.push(Arc::clone(members), Arc::clone(&broadcast));
            if this_worker == Some(queue.worker().id()) {
                local = Some((Arc::clone(queue), number));
            } else {
                queue.start_delivery();
            }
        }
        last();
        QueuedBroadcast::new(count, local)
    }

    /// Returns the members on this worker.
    pub(super) fn local_members(&self) -> Option<Arc<Members>> {
        let this_worker = Handle::try_current().ok()?.id();
        let shards = self.shards.lock();
        let shard = shards.iter().find(|shard| shard.queue.worker().id() == this_worker)?;
        Some(Arc::clone(&shard.members))
    }

    fn members_on(&self, queue: &Arc<DeliveryQueue>) -> Arc<Members> {
        let mut shards = self.shards.lock();
        if let Some(shard) = shards.iter().find(|shard| Arc::ptr_eq(&shard.queue, queue)) {
            return Arc::clone(&shard.members);
        }
        let members = Arc::<Members>::default();
        shards.push(Shard { queue: Arc::clone(queue), members: Arc::clone(&members) });
        members
    }

    fn len(&self) -> usize {
        self.shards.lock().iter().map(|shard| shard.members.len()).sum()
    }
}
