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
        self.table.lock().remove(id)
    }

    /// Takes all back, and any that is set from now on.
    pub(crate) fn end(&self) {
        let mut table = self.table.lock();
        table.by_id.clear();
        table.by_time.clear();
        table.has_ended = true;
        self.changed.notify_one();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.lock().by_id.is_empty()
    }

    /// Whether there are timers that nobody waits for. Whoever is told yes must do it, with
    /// [`next`](Self::next) until that answers `None`.
    pub(crate) fn take_unattended(&self) -> bool {
        // Asked after every event; only to look is cheaper than to write.
        self.is_unattended.load(Ordering::Relaxed)
            && self.is_unattended.swap(false, Ordering::Relaxed)
    }

    /// Waits until a timer is due and takes it out; `None` when no timer is set any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost, but somebody else must attend to the timers then.
    pub(crate) async fn next(&self) -> Option<TimerId> {
        loop {
            let due = {
                let mut table = self.table.lock();
                let Some((due, id)) = table.by_time.first().copied() else {
                    table.is_attended = false;
                    return None;
                };
                if due <= Instant::now() {
                    table.remove(id);
                    return Some(id);
                }
                due
            };
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

impl Table {
    fn remove(&mut self, id: TimerId) -> bool {
        let due = self.by_id.remove(&id);
        due.is_some_and(|due| self.by_time.remove(&(due, id)))
    }
}
