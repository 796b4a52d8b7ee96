//! Measurements of calls into guests.
//!
//! A measurement reads clocks four times, and each reading of the thread's CPU time is a system call. Some events may
//! occur for each message. These are called frequent here, and only one in 64 of them is measured. A measured event
//! counts as 64 events. It is chosen at random, so that no pattern of messages can escape measurement.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::worker_cells::WorkerCells;

/// How many frequent events a measured event stands for.
pub(crate) const WEIGHT: u32 = 64;

thread_local! {
    /// How many frequent events are left up to and including the next one that is measured. 0 if none has been chosen
    /// yet.
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// The measurement of a call.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The position of the call's event in the list of events.
    event: usize,
    weight: u64,
    began: Instant,
    /// The CPU time of the call until it was last suspended.
    used: Duration,
    /// The CPU time of the thread when the call was last resumed. `None` while the call is suspended.
    resumed: Option<Duration>,
}

impl Sample {
    /// Begins to measure a call. It counts as `weight` calls.
    pub(crate) fn start(event: usize, weight: u32) -> Self {
        let (began, used, resumed) = (Instant::now(), Duration::ZERO, Some(thread_time()));
        Self { event, weight: u64::from(weight), began, used, resumed }
    }

    /// Records that the call was suspended.
    #[cold]
    pub(crate) fn suspend(&mut self) {
        if let Some(resumed) = self.resumed.take() {
            self.used += thread_time().saturating_sub(resumed);
        }
    }

    /// Records that the call was resumed, perhaps on another thread.
    #[cold]
    pub(crate) fn resume(&mut self) {
        self.resumed = Some(thread_time());
    }

    /// Records a call that has returned or was abandoned.
    #[cold]
    pub(crate) fn end(mut self, cells: &WorkerCells) {
        self.suspend();
        let cells = cells.event(self.event);
        cells.time.record(self.began.elapsed(), self.weight);
        cells.cpu.record(self.used, self.weight);
    }
}

/// Returns whether this frequent event is to be measured.
#[inline(always)]
pub(crate) fn is_chosen() -> bool {
    let left = LEFT.get();
    if left > 1 {
        LEFT.set(left - 1);
        return false;
    }
    choose_next();
    left == 1
}

/// Chooses the next frequent event to be measured. It is one of the next 127, so on average one in 64.
#[cold]
fn choose_next() {
    LEFT.set(rand::random_range(1..2 * WEIGHT));
}

/// Returns the CPU time of this thread.
#[expect(
    unsafe_code,
    reason = "rustix reads the clock in a way that crashes under valgrind, which hides the vDSO"
)]
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call, which only writes there.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    match (status, u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        (0, Ok(seconds), Ok(nanoseconds)) => Duration::new(seconds, nanoseconds),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_64_frequent_events_is_measured() {
        const EVENTS: u32 = 640_000;
        let measured = (0..EVENTS).filter(|_| is_chosen()).count();
        // The standard deviation is below 60, so these bounds are never exceeded by chance.
        assert!((9_500..10_500).contains(&measured), "{measured}");
    }

    #[test]
    fn suspended_calls_use_no_cpu_time() {
        let cells = WorkerCells::default();
        let mut sample = Sample::start(0, 1);
        sample.suspend();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {}
        // The call is given up while it is suspended.
        sample.end(&cells);
        let total = |histogram| {
            let mut totals = super::super::Totals::default();
            totals.add(histogram);
            totals.seconds()
        };
        let (time, cpu) = (total(&cells.event(0).time), total(&cells.event(0).cpu));
        assert!(time >= 0.02 && cpu < 0.01, "{time} {cpu}");
    }
}
