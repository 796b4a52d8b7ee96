//! The timers of an actor. They outlive its instances. Durable timers outlive the host too.

mod durable;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(crate) use self::durable::{DurableTimers, Record, SavedTimer};

/// The maximum number of timers that an actor may have. This is enough for a handler that sets one timer for each of
/// many things, and too few to harm the host.
const MAX_TIMERS: usize = 1024;

/// The shortest delay. Without it, a handler that sets its timer again and again could cause a busy loop.
const MIN_DELAY: Duration = Duration::from_millis(1);

/// The longest delay, about ten years. With this limit, sums of times do not overflow.
const MAX_DELAY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Limits the delay that a handler asks for.
pub(crate) fn clamp(after: Duration) -> Duration {
    after.clamp(MIN_DELAY, MAX_DELAY)
}

/// The number by which the handler identifies a timer.
pub(crate) type TimerId = u64;

/// The error for an actor that has reached its limit on timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyTimers;

/// The timers of an actor, by number and by time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    table: Mutex<Table>,
    changed: Notify,
    needs_task: AtomicBool,
}

/// A timer that is due.
pub(crate) struct DueTimer {
    pub(crate) id: TimerId,
    /// The timer's entry in a file, if the timer is durable.
    pub(crate) record: Option<Record>,
}

#[derive(Debug)]
struct Timer {
    due: Instant,
    record: Option<Record>,
}

#[derive(Debug, Default)]
struct Table {
    by_id: BTreeMap<TimerId, Timer>,
    by_time: BTreeSet<(Instant, TimerId)>,
    /// Whether a task waits for the next timer, or such a task has been requested.
    has_task: bool,
    /// Whether the actor has ended. If so, attempts to set a timer are ignored.
    has_ended: bool,
}

impl Timers {
    /// Sets a timer. It replaces an earlier timer with the same number. If the timer is durable, `record` is its entry,
    /// which has already been written. Returns the entry of the earlier timer. The caller must remove the returned
    /// entry, unless it is the same as `record`.
    pub(crate) fn set(
        &self,
        id: TimerId,
        after: Duration,
        record: Option<Record>,
    ) -> Result<Option<Record>, TooManyTimers> {
        let mut table = self.table.lock();
        table.check_room(id)?;
        let replaced = table.remove(id).and_then(|timer| timer.record);
        if table.has_ended {
            return Ok(replaced);
        }
        let due = Instant::now() + clamp(after);
        table.by_id.insert(id, Timer { due, record });
        table.by_time.insert((due, id));
        if !std::mem::replace(&mut table.has_task, true) {
            self.needs_task.store(true, Ordering::Relaxed);
        }
        self.changed.notify_one();
        Ok(replaced)
    }

    /// Returns an error if a timer with this number could not be set.
    pub(crate) fn check_room(&self, id: TimerId) -> Result<(), TooManyTimers> {
        self.table.lock().check_room(id)
    }

    pub(crate) fn is_set(&self, id: TimerId) -> bool {
        self.table.lock().by_id.contains_key(&id)
    }

    /// Returns whether the entry of a delivered timer can be removed. It can be removed if the timer was not set again.
    /// If the actor has ended, another actor may have set the timer again, so the entry must stay.
    pub(crate) fn is_over(&self, id: TimerId, record: &Record) -> bool {
        let table = self.table.lock();
        let current = table.by_id.get(&id).and_then(|timer| timer.record.as_ref());
        !table.has_ended && current.is_none_or(|current| !current.is_same(record))
    }

    /// Cancels a timer. Returns `None` if it was not set. Otherwise returns its entry, which the caller must remove.
    pub(crate) fn cancel(&self, id: TimerId) -> Option<Option<Record>> {
        let mut table = self.table.lock();
        let timer = table.remove(id)?;
        if table.by_id.is_empty() {
            // The task that waits for this timer may be able to end.
            self.changed.notify_one();
        }
        Some(timer.record)
    }

    /// Cancels all timers. From now on, attempts to set a timer are ignored. The entries of durable timers stay in
    /// their files.
    pub(crate) fn end(&self) {
        let mut table = self.table.lock();
        table.by_id.clear();
        table.by_time.clear();
        table.has_ended = true;
        self.changed.notify_one();
    }

    /// Returns whether there are timers but no task that waits for them. If so, the caller must call
    /// [`wait`](Self::wait) until it returns `false`.
    pub(crate) fn take_needs_task(&self) -> bool {
        // This is called after every event. The load comes first, because it is cheaper than a swap.
        self.needs_task.load(Ordering::Relaxed) && self.needs_task.swap(false, Ordering::Relaxed)
    }

    /// Waits until a timer is due, and returns `true`. Returns `false` if no timer is set. A due timer stays set until
    /// [`take_due`](Self::take_due) takes it out. So the handler can still cancel it while the task waits for its turn.
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

    /// Returns how many timers are set.
    pub(crate) fn count(&self) -> usize {
        self.table.lock().by_id.len()
    }

    pub(crate) fn is_due(&self) -> bool {
        self.table.lock().due().is_some()
    }

    /// Cancels the timer that has been due for the longest time, unless that timer is durable. A durable timer stays
    /// due. Called if no instance can be started for the timer.
    pub(crate) fn discard_due(&self) {
        let mut table = self.table.lock();
        if let Some(id) = table.due()
            && table.by_id.get(&id).is_some_and(|timer| timer.record.is_none())
        {
            table.remove(id);
        }
    }

    /// Takes out the timer that has been due for the longest time, so that it can be delivered now. The caller must
    /// remove its entry afterwards.
    pub(crate) fn take_due(&self) -> Option<DueTimer> {
        let mut table = self.table.lock();
        let id = table.due()?;
        let record = table.remove(id).and_then(|timer| timer.record);
        Some(DueTimer { id, record })
    }
}

impl Table {
    fn due(&self) -> Option<TimerId> {
        self.by_time.first().filter(|(due, _)| *due <= Instant::now()).map(|(_, id)| *id)
    }

    fn check_room(&self, id: TimerId) -> Result<(), TooManyTimers> {
        let has_room = self.by_id.len() < MAX_TIMERS || self.by_id.contains_key(&id);
        has_room.then_some(()).ok_or(TooManyTimers)
    }

    fn remove(&mut self, id: TimerId) -> Option<Timer> {
        let timer = self.by_id.remove(&id)?;
        self.by_time.remove(&(timer.due, id));
        Some(timer)
    }
}
