//! The timers of an actor. They outlive its instances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The most timers that an actor may have: enough for one timer for each of many things, too few to harm the host.
const MAX_TIMERS: usize = 1024;

/// The shortest delay. A handler that sets its timer again and again must not become a busy loop.
const MIN_DELAY: Duration = Duration::from_millis(1);

/// The longest delay, about ten years, so that sums do not overflow.
const MAX_DELAY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The number by which the handler identifies a timer.
pub(crate) type TimerId = u64;

/// The actor has as many timers as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyTimers;

/// The timers of an actor, by number and by time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    table: Mutex<Table>,
    changed: Notify,
    needs_task: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    by_id: BTreeMap<TimerId, Instant>,
    by_time: BTreeSet<(Instant, TimerId)>,
    /// Whether a task waits for the next timer, or has been requested.
    has_task: bool,
    /// Whether the actor has ended: timers that are set now are ignored.
    has_ended: bool,
}

impl Timers {
    /// Sets a timer, in place of an earlier one with the same number.
    pub(crate) fn set(&self, id: TimerId, after: Duration) -> Result<(), TooManyTimers> {
        let mut table = self.table.lock();
        table.remove(id);
        if table.by_id.len() >= MAX_TIMERS {
            return Err(TooManyTimers);
        }
        if table.has_ended {
            return Ok(());
        }
        let due = Instant::now() + after.clamp(MIN_DELAY, MAX_DELAY);
        table.by_id.insert(id, due);
        table.by_time.insert((due, id));
        if !std::mem::replace(&mut table.has_task, true) {
            self.needs_task.store(true, Ordering::Relaxed);
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Cancels a timer. Returns whether it was set.
    pub(crate) fn cancel(&self, id: TimerId) -> bool {
        let mut table = self.table.lock();
        let was_set = table.remove(id);
        if was_set && table.by_id.is_empty() {
            // The task that waits for it can end.
            self.changed.notify_one();
        }
        was_set
    }

    /// Cancels all timers. Timers that are set later are ignored.
    pub(crate) fn end(&self) {
        let mut table = self.table.lock();
        table.by_id.clear();
        table.by_time.clear();
        table.has_ended = true;
        self.changed.notify_one();
    }

    /// Returns whether there are timers without a task that waits for them. If so, the caller must call
    /// [`wait`](Self::wait) until it returns `false`.
    pub(crate) fn take_needs_task(&self) -> bool {
        // Called after every event: a load is cheaper than a swap.
        self.needs_task.load(Ordering::Relaxed) && self.needs_task.swap(false, Ordering::Relaxed)
    }

    /// Waits until a timer is due and returns `true`. Returns `false` if no timer is set. A due timer stays set until
    /// [`take_due`](Self::take_due) takes it out, so that the handler can cancel it while the task waits for its turn.
    ///
    /// # Cancel safety
    ///
    /// No timer is lost when the future is dropped, but another task must then wait for the timers.
    pub(crate) async fn wait(&self) -> bool {
        loop {
            let due = {
                let mut table = self.table.lock();
                let Some((due, _)) = table.by_time.first().copied() else {
                    table.has_task = false;
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

    /// Takes out the timer that has been due for the longest time, to be delivered now.
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
