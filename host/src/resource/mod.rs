//! A resource: its code, and the actors that run it.

mod custom;
mod lease;
mod maintenance;
mod sweep;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(crate) use custom::{NoTarget, Target};
pub(crate) use lease::ActorLease;

use self::maintenance::Maintenance;
use crate::actor::{Actor, Code};
use crate::clients::{Client, ClientId, HostClose};
use crate::config::InstancePer;
use crate::running::Running;
use crate::topics::Topics;
use crate::worker::Workers;

/// How often deserted actors are looked for at most while there is no room for another one.
const CLEAR_EVERY: Duration = Duration::from_millis(100);

/// How many actors there may be that nobody is with: most sleep until their timers are due. Each costs its state, and
/// two kilobytes. Beyond that no new path is served, with 503 (`full="actors"`).
const MAX_ALONE: usize = 1 << 16;

/// How many instances may have a message from outside before them at once, one and the same or others; a task of a
/// kilobyte or two waits for each. Whoever sends more waits.
const MAX_DELIVERIES: u32 = 1 << 16;

/// What clients ask for by path, and the actors that serve them.
pub(crate) struct Resource {
    code: Arc<Code>,
    instance_per: InstancePer,
    /// Actors, with and without an instance: one for each client, and those that nobody is with.
    max_actors: usize,
    workers: Arc<Workers>,
    topics: Arc<Topics>,
    table: Mutex<Table>,
    /// Places for messages from outside that are under way, one for each instance.
    deliveries: Arc<Semaphore>,
}

#[derive(Default)]
struct Table {
    actors: HashMap<Key, ActorEntry>,
    /// Clients that stay with one of them, or ask to.
    leases: usize,
    cleared: Option<Instant>,
}

/// Actors in which `stopping` runs. It goes on when this is dropped.
#[must_use]
pub(crate) struct Stopping(Vec<Running<()>>);

impl Stopping {
    /// Waits until all clients have been closed.
    ///
    /// # Cancel safety
    ///
    /// They are closed also when the future is dropped.
    pub(crate) async fn done(self) {
        maintenance::all(self.0).await;
    }
}

/// There is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Client.
    Clients,
    /// Actor.
    Actors,
}

/// Which actor of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Number(usize),
    Path(Arc<str>),
    Client(ClientId),
}

/// An actor, how many clients stay with it or ask to, and for how many sweeps nothing happened there.
struct ActorEntry {
    actor: Arc<Actor>,
    leases: usize,
    quiet_sweeps: u8,
}

impl Resource {
    /// A resource for so many clients at once.
    pub(crate) fn new(
        code: Code,
        instance_per: InstancePer,
        max_clients: usize,
        workers: Arc<Workers>,
    ) -> Self {
        let max_actors = max_clients.saturating_add(MAX_ALONE);
        let (code, topics, table) = (Arc::new(code), Arc::default(), Mutex::default());
        let deliveries = Arc::new(Semaphore::new(MAX_DELIVERIES as usize));
        Self { code, instance_per, max_actors, workers, topics, table, deliveries }
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The actor that serves a client with this path. It stays as long as the answer does.
    ///
    /// # Errors
    ///
    /// [`Full`].
    pub(crate) fn lease(
        self: &Arc<Self>,
        client: ClientId,
        path: &str,
        max_clients: usize,
    ) -> Result<ActorLease, Full> {
        let table = self.table.lock();
        if table.leases >= max_clients {
            return Err(Full::Clients);
        }
        let key = match &self.instance_per {
            InstancePer::Resource { instances } => {
                let stays = |number: &usize| {
                    table.actors.get(&Key::Number(*number)).map_or(0, |actor| actor.leases)
                };
                Key::Number((0..instances.get()).min_by_key(stays).unwrap_or(0))
            }
            InstancePer::Path => Key::Path(path.into()),
            InstancePer::Client => Key::Client(client),
        };
        self.join(table, key)
    }

    /// The same for whoever is no client.
    fn lease_actor(self: &Arc<Self>, key: Key) -> Result<ActorLease, Full> {
        self.join(self.table.lock(), key)
    }

    fn join(
        self: &Arc<Self>,
        mut table: MutexGuard<'_, Table>,
        key: Key,
    ) -> Result<ActorLease, Full> {
        let mut deserted = Vec::new();
        if table.actors.len() >= self.max_actors || self.code.is_full() {
            deserted = table.take_unused();
        }
        let has_room = table.actors.len() < self.max_actors;
        let entry = match table.actors.entry(key.clone()) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(nobody) if has_room => nobody.insert(ActorEntry::new(self.actor(&key))),
            Entry::Vacant(_) => return Err(Full::Actors),
        };
        entry.leases += 1;
        let actor = Arc::clone(&entry.actor);
        table.leases += 1;
        // To give their memory back may take a while: others need the table.
        drop(table);
        drop(deserted);
        Ok(ActorLease::new(Arc::clone(self), key, actor))
    }

    /// The topics that its clients can hear.
    pub(crate) fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Closes all clients, once `stopping` has returned in their handler: each actor on its home, side by side, so that
    /// a slow one delays its own clients alone, and them no longer than this.
    pub(crate) fn stop(&self, why: HostClose<'static>, patience: Duration) -> Stopping {
        let all = self.all();
        Stopping(all.iter().filter_map(|actor| actor.stop(why, patience)).collect())
    }

    /// Nobody will come any more: what happens without clients ends.
    pub(crate) fn end(&self) {
        for actor in self.all() {
            actor.end();
        }
    }

    /// Every client that is connected.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.all().iter().flat_map(|actor| actor.clients().all()).collect()
    }

    /// Lets the current code take over everywhere, on each worker one actor after the other. Between
    /// two, others of the worker go on.
    pub(crate) async fn refresh(&self) {
        maintenance::all(Maintenance::Refresh.everywhere(self.all())).await;
    }

    /// Lets the code that is on trial take over in this share of the actors, in percent, in one at least.
    /// Answers how many others there are.
    pub(crate) async fn try_out(&self, percent: u8) -> usize {
        let mut chosen = self.all();
        let number = (chosen.len() * usize::from(percent)).div_ceil(100).max(1);
        let others = chosen.len().saturating_sub(number);
        chosen.truncate(number);
        maintenance::all(Maintenance::TryOut.everywhere(chosen)).await;
        others
    }

    /// Old code will not come back any more: what it handed over is not needed.
    pub(crate) fn forget_handed_over(&self) {
        for actor in self.all() {
            actor.forget_handed_over();
        }
    }

    fn all(&self) -> Vec<Arc<Actor>> {
        self.table.lock().actors.values().map(|entry| Arc::clone(&entry.actor)).collect()
    }

    fn actor(&self, key: &Key) -> Actor {
        let name = match key {
            Key::Number(number) => number.to_string().into(),
            Key::Path(path) => (**path).into(),
            Key::Client(client) => client.to_string().into(),
        };
        let (code, topics) = (Arc::clone(&self.code), Arc::clone(&self.topics));
        Actor::new(name, code, topics, self.workers.assign_actor())
    }

    /// Whoever stayed with the actor does so no more.
    fn end_lease(&self, key: &Key) {
        let mut table = self.table.lock();
        table.leases -= 1;
        let Some(entry) = table.actors.get_mut(key) else { return };
        entry.leases -= 1;
        if entry.leases == 0 && self.code.is_full() {
            self.code.want_room();
        }
        // Other actors may be wanted again; a client's number never is.
        if entry.leases == 0 && matches!(key, Key::Client(_)) {
            entry.actor.end();
            table.actors.remove(key);
        }
    }
}

impl Table {
    /// Makes room, at the cost of paths that nobody is at: they would have ended soon.
    fn take_unused(&mut self) -> Vec<Arc<Actor>> {
        let now = Instant::now();
        if self.cleared.is_some_and(|cleared| now - cleared < CLEAR_EVERY) {
            return Vec::new();
        }
        self.cleared = Some(now);
        let deserted = self.actors.extract_if(|key, entry| entry.is_unused(key));
        deserted.map(|(_, entry)| entry.actor).collect()
    }
}

impl ActorEntry {
    fn new(actor: Actor) -> Self {
        Self { actor: Arc::new(actor), leases: 0, quiet_sweeps: 0 }
    }

    /// Whether an actor can be made anew when somebody comes: nobody stays with it, has something for it, or waits
    /// for its timers. All of them hold it, and nobody can begin to while the table is locked.
    fn is_unused(&self, key: &Key) -> bool {
        matches!(key, Key::Path(_)) && Arc::strong_count(&self.actor) == 1
    }

    /// Whether nobody stays with an actor that others may be at next: all that it has is timers.
    fn has_no_clients(&self, key: &Key) -> bool {
        matches!(key, Key::Path(_)) && self.leases == 0
    }
}
