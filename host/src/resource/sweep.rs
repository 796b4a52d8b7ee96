//! Hibernates or packs quiet actors, and removes unused ones.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::maintenance::{Maintenance, drop_actors, join_all};
use super::{CLEAR_INTERVAL, Resource};
use crate::actor::Actor;

/// The number of sweeps in which an actor must have been quiet before it is hibernated or packed. With four sweeps, the
/// hibernation of an actor is delayed by at most a quarter of the configured time.
const QUIET_SWEEPS: u8 = 4;

/// If quiet actors are not hibernated, an actor of a path is removed once it has been unused for this long.
const UNUSED_AFTER: Duration = Duration::from_secs(60);

/// Actors without recent events.
#[derive(Default)]
struct Quiet {
    /// Actors without events since the last sweep.
    just: Vec<Arc<Actor>>,
    /// Actors that have been quiet for long enough to be hibernated.
    long: Vec<Arc<Actor>>,
    /// Actors that have been quiet for as long, but must not be hibernated. They are only packed.
    packable: Vec<Arc<Actor>>,
}

impl Resource {
    /// Sweeps forever. Hibernates actors that have had no event for `hibernate_after`. Removes actors of paths that
    /// have neither clients nor timers. An actor that has only timers is hibernated until the first of these timers is
    /// due.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, every hibernation that was started still runs to completion.
    pub(crate) async fn sweep(self: Arc<Self>, hibernate_after: Option<Duration>) {
        tokio::join!(self.sweep_quiet(hibernate_after), self.make_room());
    }

    async fn sweep_quiet(&self, hibernate_after: Option<Duration>) {
        let period = hibernate_after.unwrap_or(UNUSED_AFTER) / u32::from(QUIET_SWEEPS);
        let mut sweeps = interval(period.max(Duration::from_millis(1)));
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            sweeps.tick().await;
            let Quiet { just, long, packable } = self.take_quiet(hibernate_after);
            join_all(Maintenance::Rest.start(just)).await;
            join_all(Maintenance::Pack.start(packable)).await;
            join_all(Maintenance::Hibernate.start(long)).await;
        }
    }

    /// Hibernates actors without clients whenever an event finds no permit for an instance.
    async fn make_room(&self) {
        loop {
            self.code.room_requested().await;
            // This does not wait for the tasks. So a slow handler delays only the release of its own permit.
            Maintenance::Hibernate.start(self.take_clientless());
            sleep(CLEAR_INTERVAL).await;
        }
    }

    /// Removes unused actors. Returns the actors that have an instance and no clients.
    fn take_clientless(&self) -> Vec<Arc<Actor>> {
        let mut table = self.table.lock();
        drop_actors(table.take_unused());
        let clientless = table.actors.iter().filter(|(key, entry)| entry.has_no_clients(key));
        let clientless = clientless.map(|(_, entry)| &entry.actor);
        let has_instance =
            |actor: &&Arc<Actor>| actor.try_turn().is_some_and(|turn| turn.has_instance());
        clientless.filter(has_instance).cloned().collect()
    }

    /// Removes unused actors. Returns the actors that have just become quiet, and those that have been quiet for
    /// longer.
    fn take_quiet(&self, hibernate_after: Option<Duration>) -> Quiet {
        let (mut quiet, mut unused) = (Quiet::default(), Vec::new());
        self.table.lock().actors.retain(|key, entry| {
            if entry.actor.take_activity() {
                entry.quiet_sweeps = 0;
                return true;
            }
            entry.quiet_sweeps = entry.quiet_sweeps.saturating_add(1);
            if entry.quiet_sweeps >= QUIET_SWEEPS && entry.is_unused(key) {
                tracing::debug!(actor = ?key, "removed an unused actor");
                unused.push(Arc::clone(&entry.actor));
                return false;
            }
            let may_hibernate = hibernate_after.is_some() || entry.has_no_clients(key);
            if entry.quiet_sweeps == QUIET_SWEEPS {
                let quiet = if may_hibernate { &mut quiet.long } else { &mut quiet.packable };
                quiet.push(Arc::clone(&entry.actor));
            } else if entry.quiet_sweeps == 1 {
                quiet.just.push(Arc::clone(&entry.actor));
            }
            true
        });
        drop_actors(unused);
        quiet
    }
}
