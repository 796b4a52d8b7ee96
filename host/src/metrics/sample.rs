//! Measurements of calls into guests.
//!
//! A measurement reads clocks four times, and each reading of the thread's CPU time is a system call. So each resource
//! measures about a hundred calls per second for each kind of event on each worker, and at least one call in 64. Each
//! measured call stands for all the calls from which it was chosen. The choice is random, so that no pattern of
//! messages can escape measurement.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::worker_cells::WorkerCells;

/// The maximum number of calls that a measured call stands for.
const MAX_WEIGHT: u32 = 64;

/// The sampling period, in nanoseconds. On average, about one call is measured per period.
const PERIOD: u64 = 10_000_000;

/// Selects the calls to measure, for one kind of event. Only one worker uses this value, unless a client outlives its
/// connection. If two workers use it at the same time, a call may be counted twice or not at all.
#[derive(Debug, Default)]
pub(crate) struct Sampling {
    /// How many calls are skipped before the next one is measured.
    left: AtomicU32,
    /// How many calls the next measured call stands for. 0 counts as 1.
    weight: AtomicU32,
    /// The time of the last measured call, in nanoseconds of the ticker's clock.
    measured_at: AtomicU64,
}

impl Sampling {
    /// Returns whether the next call is skipped. If it is measured instead, [`choose_next`](Self::choose_next) must
    /// follow.
    #[inline(always)]
    pub(crate) fn skips(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return false;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        true
    }

    /// Returns the number of calls that the current call stands for. Chooses the next call to measure.
    fn choose_next(&self, now: u64) -> u32 {
        let weight = self.weight.load(Ordering::Relaxed).max(1);
        let elapsed = now.saturating_sub(self.measured_at.swap(now, Ordering::Relaxed));
        // If calls keep arriving at the rate seen since the last measured call, the new weight leads to one measured
        // call per period. The weight is never more than doubled, because the ticker's coarse clock may not have
        // advanced.
        let next = u64::from(weight) * PERIOD / elapsed.max(PERIOD / 2);
        let next = u32::try_from(next).unwrap_or(MAX_WEIGHT).clamp(1, MAX_WEIGHT);
        self.weight.store(next, Ordering::Relaxed);
        // This chooses one of the next `2 * next - 1` calls, so on average one call in `next` is measured.
        self.left.store(rand::random_range(0..2 * next - 1), Ordering::Relaxed);
        weight
    }
}

/// The measurement of a call.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The position of the call's event in the list of events.
    event: u32,
    weight: u32,
    began: Instant,
    /// The CPU time of the call until it was last suspended.
    used: Duration,
    /// The CPU time of the thread when the call was last resumed. `None` while the call is suspended.
    resumed: Option<Duration>,
}

impl Sample {
    /// Begins to measure a call. `now` is the time of the ticker.
    pub(crate) fn start(cells: &WorkerCells, event: u32, now: u64) -> Self {
        let weight = cells.event(event as usize).sampling.choose_next(now);
        let (began, used, resumed) = (Instant::now(), Duration::ZERO, Some(thread_time()));
        Self { event, weight, began, used, resumed }
    }

    /// Records that the call was suspended.
    #[cold]
    pub(crate) fn suspend(&mut self) {
        if let Some(resumed) = self.resumed.take() {
            self.used += thread_time().saturating_sub(resumed);
        }
    }

    /// Records that the call was resumed, possibly on another thread.
    #[cold]
    pub(crate) fn resume(&mut self) {
        self.resumed = Some(thread_time());
    }

    /// Ends the measurement of a call, which has returned or was abandoned. Records the call for its resource and for
    /// its instance.
    #[cold]
    pub(crate) fn end(mut self, cells: &WorkerCells, instance: &mut InstanceCalls) {
        self.suspend();
        let time = self.began.elapsed();
        let weight = u64::from(self.weight);
        let cells = cells.event(self.event as usize);
        cells.time.record(time, weight);
        cells.cpu.record(self.used, weight);
        instance.record(time, weight);
    }
}

/// The calls into an instance since it was created. Both numbers are estimates, because the measured calls are a sample
/// of the calls into all of the resource's instances on the worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InstanceCalls {
    pub(crate) count: u64,
    pub(crate) nanoseconds: u64,
}

impl InstanceCalls {
    /// Adds a call that was measured and stands for `weight` calls.
    fn record(&mut self, time: Duration, weight: u64) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(weight);
        self.nanoseconds = self.nanoseconds.saturating_add(nanoseconds.saturating_mul(weight));
    }
}

/// Returns the CPU time of this thread.
#[expect(
    unsafe_code,
    reason = "rustix reads the clock in a way that crashes under valgrind, which hides the vDSO"
)]
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid during the call. The call only writes to it.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    match (status, u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        (0, Ok(seconds), Ok(nanoseconds)) => Duration::new(seconds, nanoseconds),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes calls at this interval for ten seconds. Returns how many there were, how many of them were measured, and
    /// how many the measured ones stand for.
    fn calls_at(interval: u64) -> [u32; 3] {
        let sampling = Sampling::default();
        let (mut calls, mut measured, mut counted) = (0, 0, 0);
        for now in (PERIOD..1_001 * PERIOD).step_by(interval.try_into().expect("a size")) {
            calls += 1;
            if !sampling.skips() {
                measured += 1;
                // The ticker's clock advances once per period.
                counted += sampling.choose_next(now / PERIOD * PERIOD);
            }
        }
        [calls, measured, counted]
    }

    #[test]
    fn every_call_is_measured_if_there_are_few() {
        assert_eq!(calls_at(50_000_000), [200; 3]);
        assert_eq!(calls_at(PERIOD), [1_000; 3]);
    }

    #[test]
    fn more_calls_are_measured_once_in_a_while_and_counted_as_many() {
        // 2,000 calls per second, of which about one in 20 is measured.
        let [calls, measured, counted] = calls_at(500_000);
        assert!((500..4_000).contains(&measured), "{measured}");
        assert!(counted.abs_diff(calls) < calls / 5, "{counted} of {calls}");
    }

    #[test]
    fn one_in_64_calls_is_measured_if_there_are_many() {
        let [calls, measured, counted] = calls_at(10_000);
        // A sixty-fourth is 15,625. The standard deviation is below 80, so these bounds are never exceeded by chance.
        assert!((15_000..16_300).contains(&measured), "{measured}");
        assert!(counted.abs_diff(calls) < calls / 20, "{counted} of {calls}");
    }

    #[test]
    fn calls_that_become_rare_are_soon_measured_again() {
        let sampling = Sampling::default();
        let mut now = PERIOD;
        while sampling.weight.load(Ordering::Relaxed) < MAX_WEIGHT {
            if !sampling.skips() {
                sampling.choose_next(now);
            }
        }
        while sampling.skips() {}
        now += 1_000_000_000;
        assert_eq!(sampling.choose_next(now), 64);
        assert!(!sampling.skips());
        assert_eq!(sampling.choose_next(now), 1);
    }

    #[test]
    fn suspended_calls_use_no_cpu_time() {
        let cells = WorkerCells::default();
        let mut sample = Sample::start(&cells, 0, 0);
        sample.suspend();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {}
        // The call is given up while it is suspended.
        let mut instance = InstanceCalls::default();
        sample.end(&cells, &mut instance);
        assert_eq!(instance.count, 1);
        assert!(instance.nanoseconds >= 20_000_000, "{instance:?}");
        let total = |histogram| {
            let mut totals = crate::metrics::Totals::default();
            totals.add(histogram);
            totals.seconds()
        };
        let (time, cpu) = (total(&cells.event(0).time), total(&cells.event(0).cpu));
        assert!(time >= 0.02 && cpu < 0.01, "{time} {cpu}");
    }
}
