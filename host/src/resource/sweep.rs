//! Putting quiet actors to sleep, and ending those that nobody needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Chore, Resource, chore};
use crate::actor::Actor;

/// In how many sweeps an actor must have been quiet: so the time is held to a quarter.
const QUIET: u8 = 4;

/// For how long a path is deserted before its actor ends, where nothing is hibernated.
const DESERTED: Duration = Duration::from_secs(60);

impl Resource {
    /// Sweeps for ever. An actor that had no event for `hibernate_after` is hibernated; that of a path
    /// which has neither clients nor timers is ended.
    ///
    /// # Cancel safety
    ///
    /// Actors that are on their way to sleep when the future is dropped still get there.
    pub(crate) async fn sweep(self: Arc<Self>, hibernate_after: Option<Duration>) {
        let period = hibernate_after.unwrap_or(DESERTED) / u32::from(QUIET);
        let mut sweeps = interval(period.max(Duration::from_millis(1)));
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            sweeps.tick().await;
            let quiet = self.fallen_quiet();
            if hibernate_after.is_some() && !quiet.is_empty() {
                chore::all(Chore::Hibernate.everywhere(quiet)).await;
            }
        }
    }

    /// Ends deserted actors, and gives those that have just fallen quiet.
    fn fallen_quiet(&self) -> Vec<Arc<Actor>> {
        let mut fallen_quiet = Vec::new();
        self.table.lock().actors.retain(|key, tenancy| {
            if tenancy.actor.take_activity() {
                tenancy.quiet_sweeps = 0;
                return true;
            }
            tenancy.quiet_sweeps = tenancy.quiet_sweeps.saturating_add(1);
            if tenancy.quiet_sweeps >= QUIET && tenancy.is_deserted(key) {
                tracing::debug!(actor = ?key, "ended: nobody is there any more");
                return false;
            }
            if tenancy.quiet_sweeps == QUIET {
                fallen_quiet.push(Arc::clone(&tenancy.actor));
            }
            true
        });
        fallen_quiet
    }
}
