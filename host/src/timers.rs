//! The timers of an actor. They outlive its instances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How many timers an actor may have: enough for one each of many things, too few to hurt the host.
const MAX_TIMERS: usize = 1024;

/// The shortest time: a handler that sets its timer again and again must not become a loop.
const SHORTEST: Duration = Duration::from_millis(1);

/// The longest time, about ten years, so that sums do not overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The number that a handler gave a timer.
pub(crate) type TimerId = u64;

/// There are as many timers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyTimers;

/// Timers, by number and by time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    table: Mutex<Table>,
    changed: Notify,
    is_unattended: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    by_id: BTreeMap<TimerId, Instant>,
    by_time: BTreeSet<(Instant, TimerId)>,
    /// Whether somebody waits for the next timer.
    is_attended: bool,
    /// Whether the actor is not needed any more.
    has_ended: bool,
}

impl Timers {
    pub(crate) fn set(&self, id: TimerId, after: Duration) -> Result<(), TooManyTimers> {
        let mut table = self.table.lock();
        table.remove(id);
        if table.by_id.len() >= MAX_TIMERS {
            return Err(TooManyTimers);
        }
        if table.has_ended {
            return Ok(());
        }
        let due = Instant::now() + after.clamp(SHORTEST, LONGEST);
        table.by_id.insert(id, due);
        table.by_time.insert((due, id));
        if !std::mem::replace(&mut table.is_attended, true) {
            self.is_unattended.store(true, Ordering::Relaxed);
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Takes a timer back, if it is set.
    pub(crate) fn cancel(&self, id: TimerId) -> bool {
        let mut table = self.table.lock();
        let was_set = table.remove(id);
        if was_set && table.by_id.is_empty() {
            // Whoever waits for it need not any longer.
            self.changed.notify_one();
        }
        was_set
    }

    /// Takes all back, and any that is set from now on.
    pub(crate) fn end(&self) {
        let mut table = self.table.lock();
        table.by_id.clear();
        table.by_time.clear();
        table.has_ended = true;
        self.changed.notify_one();
    }

    /// Whether there are timers that nobody waits for. Whoever is told yes must do it, with
    /// [`wait`](Self::wait) until that answers no.
    pub(crate) fn take_unattended(&self) -> bool {
        // Asked after every event; only to look is cheaper than to write.
        self.is_unattended.load(Ordering::Relaxed)
            && self.is_unattended.swap(false, Ordering::Relaxed)
    }

    /// Waits until a timer is due and answers yes; no when none is set any more. One that is due stays so until it
    /// is taken: it may be taken back while its turn is waited for.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost, but somebody else must attend to the timers then.
    pub(crate) async fn wait(&self) -> bool {
        loop {
            let due = {
                let mut table = self.table.lock();
                let Some((due, _)) = table.by_time.first().copied() else {
                    table.is_attended = false;
                    return false;
                };
                if due <= Instant::now() {
                    return true;
                }
                due
            };
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.table.lock().due().is_some()
    }

    /// Takes out the timer that has been due for longest: it is delivered now.
    pub(crate) fn take_due(&self) -> Option<TimerId> {
        let mut table = self.table.lock();
        let id = table.due()?;
        table.remove(id);
        Some(id)
    }
}

impl Table {
    fn due(&self) -> Option<TimerId> {
        self.by_time.first().filter(|(due, _)| *due <= Instant::now()).map(|(_, id)| *id)
    }

    fn remove(&mut self, id: TimerId) -> bool {
        let due = self.by_id.remove(&id);
        due.is_some_and(|due| self.by_time.remove(&(due, id)))
    }
}
