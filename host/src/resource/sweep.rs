//! Putting quiet actors to sleep, and ending those that nobody needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{CLEAR_EVERY, Maintenance, Resource, maintenance};
use crate::actor::Actor;

/// In how many sweeps an actor must have been quiet: so the time is held to a quarter.
const QUIET: u8 = 4;

/// For how long a path is deserted before its actor ends, where nothing is hibernated.
const DESERTED: Duration = Duration::from_secs(60);

impl Resource {
    /// Sweeps for ever. An actor that had no event for `hibernate_after` is hibernated; that of a path
    /// which has neither clients nor timers is ended. One that has timers alone sleeps until they are due.
    ///
    /// # Cancel safety
    ///
    /// Actors that are on their way to sleep when the future is dropped still get there.
    pub(crate) async fn sweep(self: Arc<Self>, hibernate_after: Option<Duration>) {
        tokio::join!(self.sweep_quiet(hibernate_after), self.make_room());
    }

    async fn sweep_quiet(&self, hibernate_after: Option<Duration>) {
        let period = hibernate_after.unwrap_or(DESERTED) / u32::from(QUIET);
        let mut sweeps = interval(period.max(Duration::from_millis(1)));
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            sweeps.tick().await;
            let quiet = self.fallen_quiet(hibernate_after);
            maintenance::all(Maintenance::Hibernate.everywhere(quiet)).await;
        }
    }

    /// Whenever an event finds no room for an instance: actors that nobody is with make some.
    async fn make_room(&self) {
        loop {
            self.code.room_wanted().await;
            // Nobody waits for it here: a handler that takes its time keeps its own room alone.
            Maintenance::Hibernate.everywhere(self.awake_and_alone());
            sleep(CLEAR_EVERY).await;
        }
    }

    /// Ends deserted actors, and gives those with an instance that nobody is with.
    fn awake_and_alone(&self) -> Vec<Arc<Actor>> {
        let mut table = self.table.lock();
        maintenance::end(table.take_unused());
        let alone = table.actors.iter().filter(|(key, entry)| entry.has_no_clients(key));
        let alone = alone.map(|(_, entry)| &entry.actor);
        let is_awake =
            |actor: &&Arc<Actor>| actor.try_turn().is_some_and(|turn| turn.has_instance());
        alone.filter(is_awake).cloned().collect()
    }

    /// Ends deserted actors, and gives those that have just fallen quiet.
    fn fallen_quiet(&self, hibernate_after: Option<Duration>) -> Vec<Arc<Actor>> {
        let (mut fallen_quiet, mut deserted) = (Vec::new(), Vec::new());
        self.table.lock().actors.retain(|key, entry| {
            if entry.actor.take_activity() {
                entry.quiet_sweeps = 0;
                return true;
            }
            entry.quiet_sweeps = entry.quiet_sweeps.saturating_add(1);
            if entry.quiet_sweeps >= QUIET && entry.is_unused(key) {
                tracing::debug!(actor = ?key, "ended: nobody is there any more");
                deserted.push(Arc::clone(&entry.actor));
                return false;
            }
            let sleeps = hibernate_after.is_some() || entry.has_no_clients(key);
            if entry.quiet_sweeps == QUIET && sleeps {
                fallen_quiet.push(Arc::clone(&entry.actor));
            }
            true
        });
        maintenance::end(deserted);
        fallen_quiet
    }
}
