//! A resource: its code, and the actors that run it.

mod custom;
#[cfg(feature = "testing")]
mod fault_injection;
mod lease;
mod maintenance;
mod owned;
mod restore;
mod sweep;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(crate) use custom::{NoTarget, Target};
pub(crate) use lease::ActorLease;

use self::maintenance::{Maintenance, close_clients, join_all};
use crate::actor::{Actor, Code};
use crate::clients::{Client, ClientId, HostClose, Pace};
use crate::config::InstancePer;
use crate::dialer::Dialer;
use crate::ownership::Ownership;
use crate::running::Running;
use crate::topics::Topics;
use crate::worker::Workers;

/// The shortest time between two searches for unused actors while the resource has no room for another actor.
const CLEAR_INTERVAL: Duration = Duration::from_millis(100);

/// The maximum number of actors without clients. Most of them are hibernated until their timers are due. Each takes two
/// kilobytes in addition to its state. When this number is reached, clients with new paths get a 503 (`full="actors"`).
const MAX_CLIENTLESS: usize = 1 << 16;

/// The maximum number of deliveries of custom messages at once. A message to several actors is one delivery for each of
/// them. Each pending delivery takes a task of one or two kilobytes. When this number is reached, further senders wait.
const MAX_DELIVERIES: u32 = 1 << 16;

/// A path or a path pattern, and the actors that serve its clients.
pub(crate) struct Resource {
    code: Arc<Code>,
    instance_per: InstancePer,
    /// The maximum number of actors, with or without an instance. There is room for one actor per client, and for
    /// [`MAX_CLIENTLESS`] more.
    max_actors: usize,
    workers: Arc<Workers>,
    topics: Arc<Topics>,
    table: Mutex<Table>,
    /// Permits for deliveries of custom messages, one for each actor that gets a message.
    deliveries: Arc<Semaphore>,
    /// Creates the dialers of actors.
    dialers: OnceLock<MakeDialer>,
}

/// Creates a dialer, which opens the connections of an actor's handler.
pub(crate) type MakeDialer = Box<dyn Fn(Weak<Actor>) -> Arc<dyn Dialer> + Send + Sync>;

#[derive(Default)]
struct Table {
    /// Sorted by key, so that maintenance always reaches the actors in the same order.
    actors: BTreeMap<Key, ActorEntry>,
    /// The number of leases of all actors. Each client has a lease from its handshake on. A custom message briefly
    /// takes a lease of each actor that it may have to create.
    leases: usize,
    /// The time of the last search for unused actors.
    last_cleared: Option<Instant>,
    /// Whether the resource is no longer served. If so, nobody gets a lease.
    is_stopped: bool,
}

/// The tasks that call `stopping` and then close clients. They continue if this value is dropped.
#[must_use]
pub(crate) struct Stopping(Vec<Running<()>>);

impl Stopping {
    /// Waits until all clients have been closed.
    ///
    /// # Cancel safety
    ///
    /// The clients are closed even if the future is dropped.
    pub(crate) async fn done(self) {
        join_all(self.0).await;
    }
}

/// A limit that a resource has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Clients,
    Actors,
}

/// Why there is no lease of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLease {
    Full(Full),
    /// This host is no longer the owner of the actor. Another host may be the owner now, or this host may have become
    /// the owner again.
    NotOwner,
    /// The resource is no longer served.
    Stopped,
}

/// The key of an actor in its resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(usize),
    Path(Arc<str>),
    Client(ClientId),
}

/// An actor in the table of its resource.
struct ActorEntry {
    actor: Arc<Actor>,
    /// The number of leases of this actor.
    leases: usize,
    /// The number of sweeps since the actor's last event.
    quiet_sweeps: u8,
}

impl Resource {
    /// Returns a resource without actors. The resource may have at most `max_clients` clients at once.
    pub(crate) fn new(
        code: Code,
        instance_per: InstancePer,
        max_clients: usize,
        workers: Arc<Workers>,
        topics: Arc<Topics>,
    ) -> Self {
        let max_actors = max_clients.saturating_add(MAX_CLIENTLESS);
        let (code, table) = (Arc::new(code), Mutex::default());
        let deliveries = Arc::new(Semaphore::new(MAX_DELIVERIES as usize));
        let dialers = OnceLock::new();
        Self { code, instance_per, max_actors, workers, topics, table, deliveries, dialers }
    }

    /// Sets the function that creates the dialers of actors. Must be called before the first client is served.
    pub(crate) fn set_dialers(&self, dialers: MakeDialer) {
        let _ = self.dialers.set(dialers);
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Returns a lease of the actor that serves a client with this path. The lease keeps the actor in the table.
    /// `ownership` is the right to run the actor, if it is unique in the cluster.
    ///
    /// # Errors
    ///
    /// [`NoLease`].
    pub(crate) fn lease(
        self: &Arc<Self>,
        client: ClientId,
        path: &str,
        ownership: Option<&Arc<dyn Ownership>>,
        max_clients: usize,
    ) -> Result<ActorLease, NoLease> {
        let table = self.table.lock();
        if table.leases >= max_clients {
            return Err(NoLease::Full(Full::Clients));
        }
        let key = match &self.instance_per {
            InstancePer::Resource { instances } => {
                let leases = |number: &usize| {
                    table.actors.get(&Key::Number(*number)).map_or(0, |actor| actor.leases)
                };
                Key::Number((0..instances.get()).min_by_key(leases).unwrap_or(0))
            }
            InstancePer::Path => Key::Path(path.into()),
            InstancePer::Client => Key::Client(client),
        };
        self.lease_from(table, key, ownership)
    }

    /// Returns a lease of an actor for something other than a client, for example a custom message.
    fn lease_actor(
        self: &Arc<Self>,
        key: Key,
        ownership: Option<&Arc<dyn Ownership>>,
    ) -> Result<ActorLease, NoLease> {
        self.lease_from(self.table.lock(), key, ownership)
    }

    fn lease_from(
        self: &Arc<Self>,
        mut table: MutexGuard<'_, Table>,
        key: Key,
        ownership: Option<&Arc<dyn Ownership>>,
    ) -> Result<ActorLease, NoLease> {
        // This is checked under the lock. Otherwise an actor could be created after all others were stopped, and would
        // never end.
        if table.is_stopped {
            return Err(NoLease::Stopped);
        }
        let mut replaced = None;
        if let Some(ownership) = ownership {
            if !ownership.is_held() {
                return Err(NoLease::NotOwner);
            }
            let is_same = |entry: &ActorEntry| {
                entry.actor.ownership().is_some_and(|held| Arc::ptr_eq(held, ownership))
            };
            match table.actors.get(&key).map(is_same) {
                Some(true) => {}
                // The right was used for an earlier actor. That actor was removed, or belongs to a resource that is
                // ending.
                _ if !ownership.take() => return Err(NoLease::NotOwner),
                // The actor in the table was created under an earlier right, so it must not get another client.
                Some(false) => replaced = table.actors.remove(&key),
                None => {}
            }
        }
        let mut unused = Vec::new();
        if table.actors.len() >= self.max_actors || self.code.has_max_instances() {
            unused = table.take_unused();
        }
        let has_room = table.actors.len() < self.max_actors;
        let entry = match table.actors.entry(key.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) if has_room => {
                entry.insert(ActorEntry::new(self.make_actor(&key, ownership.cloned())))
            }
            Entry::Vacant(_) => return Err(NoLease::Full(Full::Actors)),
        };
        entry.leases += 1;
        let actor = Arc::clone(&entry.actor);
        table.leases += 1;
        // The table is unlocked first, because freeing the memory of actors may take a while.
        drop(table);
        drop(unused);
        if let Some(ActorEntry { actor, .. }) = replaced {
            actor.end_ownership(HostClose::Moved);
        }
        Ok(ActorLease::new(Arc::clone(self), key, actor))
    }

    /// Returns the topics of the resource. All its actors share them.
    pub(crate) fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Stops the resource: gives out no more leases, calls `stopping` in all actors whose handler exports it, and
    /// closes all clients at this pace. Actors stop concurrently, so a slow handler delays only its own clients, and by
    /// at most `max_wait`. Actors that are unique in the cluster are left to [`hand_over`](Self::hand_over).
    pub(crate) fn stop(
        &self,
        why: HostClose<'static>,
        max_wait: Duration,
        pace: &Arc<Pace>,
    ) -> Stopping {
        self.table.lock().is_stopped = true;
        let (mut tasks, mut others) = (Vec::new(), Vec::new());
        for actor in self.not_unique() {
            match actor.stop(why, max_wait, pace) {
                Some(stopping) => tasks.push(stopping),
                None => others.push(actor),
            }
        }
        tasks.extend(close_clients(others, why, pace));
        Stopping(tasks)
    }

    /// Returns how many connections [`stop`](Self::stop) closes.
    pub(crate) fn closes(&self) -> usize {
        self.not_unique().iter().map(|actor| actor.connection_count()).sum()
    }

    /// Returns the actors that are not unique in the cluster.
    fn not_unique(&self) -> Vec<Arc<Actor>> {
        let mut actors = self.actors();
        actors.retain(|actor| actor.ownership().is_none());
        actors
    }

    /// Cancels the timers of all actors, because the resource no longer accepts clients.
    pub(crate) fn cancel_timers(&self) {
        for actor in self.actors() {
            actor.cancel_timers();
        }
    }

    /// Returns all connected clients.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.actors().iter().flat_map(|actor| actor.clients().all()).collect()
    }

    /// Returns all clients and outgoing connections.
    pub(crate) fn clients_and_outgoing(&self) -> Vec<Arc<Client>> {
        self.actors().iter().flat_map(|actor| actor.clients_and_outgoing()).collect()
    }

    /// Moves all actors to the current code, one at a time on each worker. Other tasks of the worker run between two
    /// actors.
    pub(crate) async fn apply_reload(&self) {
        join_all(Maintenance::ApplyReload.start(self.actors())).await;
    }

    /// Moves `percent` of the actors, but at least one, to the code on trial. Returns the number of the other actors.
    pub(crate) async fn try_out(&self, percent: u8) -> usize {
        let mut chosen = self.actors();
        let number = (chosen.len() * usize::from(percent)).div_ceil(100).max(1);
        let others = chosen.len().saturating_sub(number);
        chosen.truncate(number);
        join_all(Maintenance::TryOut.start(chosen)).await;
        others
    }

    /// Discards the states that were kept for a rollback, because a rollback is no longer possible.
    pub(crate) fn discard_rollback_state(&self) {
        for actor in self.actors() {
            actor.discard_rollback_state();
        }
    }

    pub(crate) fn actors(&self) -> Vec<Arc<Actor>> {
        self.table.lock().actors.values().map(|entry| Arc::clone(&entry.actor)).collect()
    }

    fn make_actor(&self, key: &Key, ownership: Option<Arc<dyn Ownership>>) -> Arc<Actor> {
        let name = match key {
            Key::Number(number) => number.to_string().into(),
            Key::Path(path) => (**path).into(),
            Key::Client(client) => client.to_string().into(),
        };
        let (code, topics) = (Arc::clone(&self.code), Arc::clone(&self.topics));
        let worker = self.workers.assign_actor();
        let actor = Arc::new(Actor::new(name, code, topics, worker, ownership));
        if let Some(dialers) = self.dialers.get() {
            actor.set_dialer(dialers(Arc::downgrade(&actor)));
        }
        actor
    }

    /// Ends a lease. If the actor belongs to a single client, removes it as well.
    fn end_lease(&self, key: &Key, actor: &Arc<Actor>) {
        let mut table = self.table.lock();
        table.leases -= 1;
        // If the actor was unique in the cluster, it may have been removed, and its path may have a new actor.
        let is_same = |entry: &&mut ActorEntry| Arc::ptr_eq(&entry.actor, actor);
        let Some(entry) = table.actors.get_mut(key).filter(is_same) else { return };
        entry.leases -= 1;
        if entry.leases == 0 && self.code.has_max_instances() {
            self.code.request_room();
        }
        // An actor whose key is a number or a path may be needed again. But a client id is never reused.
        if entry.leases == 0 && matches!(key, Key::Client(_)) {
            entry.actor.end();
            table.actors.remove(key);
        }
    }
}

impl Table {
    /// Removes and returns the unused actors of paths. This makes room earlier than the next sweep would.
    fn take_unused(&mut self) -> Vec<Arc<Actor>> {
        let now = Instant::now();
        if self.last_cleared.is_some_and(|cleared| now - cleared < CLEAR_INTERVAL) {
            return Vec::new();
        }
        self.last_cleared = Some(now);
        let unused = self.actors.extract_if(.., |key, entry| entry.is_unused(key));
        unused.map(|(_, entry)| entry.actor).collect()
    }
}

impl ActorEntry {
    fn new(actor: Arc<Actor>) -> Self {
        Self { actor, leases: 0, quiet_sweeps: 0 }
    }

    /// Returns whether the actor can be removed now and recreated for the next client of its path. Leases, tasks with
    /// an event for the actor, and the task for its timers each hold a reference to the actor. While the table is
    /// locked, no more references can be added.
    fn is_unused(&self, key: &Key) -> bool {
        matches!(key, Key::Path(_)) && Arc::strong_count(&self.actor) == 1
    }

    /// Returns whether this is the actor of a path and has no clients. It may still have timers.
    fn has_no_clients(&self, key: &Key) -> bool {
        matches!(key, Key::Path(_)) && self.leases == 0
    }
}
