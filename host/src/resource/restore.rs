//! Restores the durable timers that an earlier run of the host left in the timer file.

use std::sync::Arc;

use super::{Key, NoLease, Resource};
use crate::config::InstancePer;
use crate::timers::{DurableTimers, SavedTimer};

impl Resource {
    /// Reads the timers from the file, creates their actors, and sets the timers. Logs errors, and the numbers of
    /// timers that were restored and left out.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the timers that it has already restored remain set.
    pub(crate) async fn restore_timers(self: &Arc<Self>, file: &Arc<DurableTimers>) {
        let mut cursor = None;
        let (mut restored, mut left_out) = (0, 0);
        loop {
            let page = match file.page(cursor).await {
                Ok(page) => page,
                Err(error) => {
                    file.log(&error);
                    break;
                }
            };
            for timers in page.timers.chunk_by(|one, next| one.actor == next.actor) {
                match self.restore(timers.to_vec()).await {
                    Ok(()) => restored += timers.len(),
                    // `NotOwner` cannot happen: the configuration check refuses durable timers with
                    // `unique-in = "cluster"`.
                    Err(NoLease::Full(_) | NoLease::NotOwner | NoLease::Stopped) => {
                        left_out += timers.len()
                    }
                }
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        let resource = self.code.resource();
        if restored > 0 {
            tracing::info!(resource, timers = restored, "restored durable timers");
        }
        if left_out > 0 {
            tracing::warn!(
                resource,
                timers = left_out,
                "durable timers were not restored, because the resource has too many actors; they stay in their file \
                 until the next start"
            );
        }
    }

    /// Restores timers of one actor.
    async fn restore(self: &Arc<Self>, timers: Vec<SavedTimer>) -> Result<(), NoLease> {
        let Some(key) = timers.first().and_then(|timer| self.key_of(&timer.actor)) else {
            return Ok(());
        };
        let lease = self.lease_actor(key, None)?;
        let actor = Arc::clone(lease.actor());
        let restoring = async move { actor.restore_timers(timers).await };
        // If the worker is stopping, it drops the task. The timers then stay in the file.
        let _ = lease.actor().worker().run(restoring).await;
        Ok(())
    }

    /// Returns the key of the actor that takes over the timers saved under this name in the earlier run. The actor
    /// has the same name, unless the resource now has fewer instances.
    fn key_of(&self, name: &str) -> Option<Key> {
        match &self.instance_per {
            InstancePer::Resource { instances } => {
                Some(Key::Number(name.parse::<usize>().unwrap_or(0) % instances.get()))
            }
            InstancePer::Path => Some(Key::Path(name.into())),
            InstancePer::Client => None,
        }
    }
}
