//! Ends actors that are unique in the cluster.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::maintenance::drop_actors;
use super::{ActorEntry, Key, Resource};
use crate::actor::Actor;
use crate::clients::{HostClose, Pace};
use crate::ownership::NotOwner;

/// An actor with fewer clients than this counts as this many closes when it ends. Two closes are at most 1 ms apart. So
/// two actors with few clients end at most 50 ms apart, and a host with few actors does not take longer than necessary.
const MIN_CLOSES: usize = 50;

/// The time left to end an actor is divided into this many parts. The last part is reserved for saving the actor's
/// state. During the other parts, the clients of the actor may leave.
const SAVING: u32 = 4;

/// How often to check whether the clients of an actor have left.
const LOOK: Duration = Duration::from_millis(5);

impl Resource {
    /// Ends all actors that this host may not run any more, and closes their clients.
    pub(crate) fn end_unowned(&self) {
        let mut ended: Vec<(NotOwner, Arc<Actor>)> = Vec::new();
        self.table.lock().actors.retain(|_, ActorEntry { actor, .. }| {
            let Some(ownership) = actor.ownership() else { return true };
            match ownership.holding().check() {
                Ok(()) => true,
                Err(why) => {
                    ended.push((why, Arc::clone(actor)));
                    false
                }
            }
        });
        for (why, actor) in &ended {
            actor.end_ownership((*why).into());
        }
        drop_actors(ended.into_iter().map(|(_, actor)| actor).collect());
    }

    /// Ends all actors that are unique in the cluster, at the given pace and within `time`, so that other hosts can own
    /// them. All clients of an actor are closed at the same time. The actor is given back when `disconnected` has
    /// returned for each of these clients. If the actor's state is durable, it is saved first.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, an actor keeps running unless it has already begun to end.
    pub(crate) async fn hand_over(
        self: Arc<Self>,
        why: HostClose<'static>,
        time: Duration,
        pace: Arc<Pace>,
    ) {
        let until = Instant::now() + time;
        let owned = self.owned();
        let mut ending = Vec::with_capacity(owned.len());
        for (key, closes) in owned {
            pace.wait(closes).await;
            let resource = Arc::clone(&self);
            ending
                .push(tokio::spawn(async move { resource.hand_over_actor(key, why, until).await }));
        }
        for ended in ending {
            // A panic has already been logged.
            let _ = ended.await;
        }
    }

    /// Returns the number of closes for the pace of [`hand_over`](Self::hand_over), which ends all actors that are
    /// unique in the cluster. Ending one actor counts as closing several clients.
    pub(crate) fn hand_over_closes(&self) -> usize {
        self.owned().into_iter().map(|(_, closes)| closes).sum()
    }

    /// Returns the key of each actor that is unique in the cluster, and the number of closes that the actor counts as
    /// when it ends.
    fn owned(&self) -> Vec<(Key, usize)> {
        let table = self.table.lock();
        let is_owned = |(_, entry): &(&Key, &ActorEntry)| entry.actor.ownership().is_some();
        let closes = |actor: &Actor| actor.connection_count().max(MIN_CLOSES);
        let owned = table.actors.iter().filter(is_owned);
        owned.map(|(key, entry)| (key.clone(), closes(&entry.actor))).collect()
    }

    async fn hand_over_actor(&self, key: Key, why: HostClose<'static>, until: Instant) {
        let actor = match self.table.lock().actors.get(&key) {
            Some(ActorEntry { actor, .. }) if actor.ownership().is_some() => Arc::clone(actor),
            _ => return,
        };
        let left = until.saturating_duration_since(Instant::now());
        match actor.stop(why, left, &Arc::new(Pace::at_once())) {
            Some(stopping) => {
                // An error has already been logged: the task panicked, or its worker has ended.
                let _ = stopping.await;
            }
            None => actor.close_clients(why),
        }
        // A client's lease keeps the actor until `disconnected` has returned for that client.
        let gone = async {
            while self.has_leases(&key, &actor) {
                sleep(LOOK).await;
            }
        };
        let saving = match actor.is_durable() {
            true => left / SAVING,
            false => Duration::ZERO,
        };
        tokio::select! {
            () = gone => {}
            () = sleep_until(until - saving) => {}
        }
        // This has a timeout because an event may be running. An error has already been logged.
        let _ = timeout_at(until, actor.hand_over(why, until)).await;
        let mut table = self.table.lock();
        if table.actors.get(&key).is_some_and(|entry| Arc::ptr_eq(&entry.actor, &actor)) {
            table.actors.remove(&key);
        }
        drop(table);
        actor.end_ownership(why);
        drop_actors(vec![actor]);
    }

    fn has_leases(&self, key: &Key, actor: &Arc<Actor>) -> bool {
        let table = self.table.lock();
        let entry = table.actors.get(key).filter(|entry| Arc::ptr_eq(&entry.actor, actor));
        entry.is_some_and(|entry| entry.leases > 0)
    }
}
