//! Limits how much the instances of a resource write to the log.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The period of the budget.
const PERIOD: Duration = Duration::from_secs(1);

/// The cost of a line in addition to its own bytes. It stands for the time, the level and the names that the log adds.
const LINE_OVERHEAD: usize = 128;

/// A budget in bytes per second. Lines that exceed it are left out and counted.
#[derive(Debug)]
pub(super) struct LogBudget {
    max: usize,
    period: Mutex<Period>,
}

#[derive(Debug)]
struct Period {
    began: Option<Instant>,
    used: usize,
    /// How many lines were left out since the last line that was written.
    left_out: u64,
}

/// What to do with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Write it, and report how many lines before it were left out.
    Write { left_out: u64 },
    /// Leave the line out. No other line has been left out since the last written line.
    FirstLeftOut,
    /// Leave the line out.
    LeftOut,
}

impl LogBudget {
    pub(super) fn new(max: usize) -> Self {
        Self { max, period: Mutex::new(Period { began: None, used: 0, left_out: 0 }) }
    }

    /// Returns the budget in bytes per second.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Decides what to do with a line, and charges the overhead of a line that is written. Must be called before any
    /// work is done for the line.
    pub(super) fn take_line(&self, now: Instant) -> Line {
        let mut period = self.period.lock();
        if period.began.is_none_or(|began| now.saturating_duration_since(began) >= PERIOD) {
            period.began = Some(now);
            period.used = 0;
        }
        if period.used < self.max {
            period.used += LINE_OVERHEAD;
            return Line::Write { left_out: std::mem::take(&mut period.left_out) };
        }
        period.left_out += 1;
        if period.left_out == 1 { Line::FirstLeftOut } else { Line::LeftOut }
    }

    /// Charges the bytes of a line that is written.
    pub(super) fn charge(&self, bytes: usize) {
        self.period.lock().used += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_budget_of_a_second_are_left_out_and_counted() {
        let budget = LogBudget::new(1000);
        let start = Instant::now();
        let line = |milliseconds| budget.take_line(start + Duration::from_millis(milliseconds));
        let write = |left_out| Line::Write { left_out };
        assert_eq!(line(0), write(0));
        budget.charge(800);
        assert_eq!(line(1), write(0));
        assert_eq!(line(2), Line::FirstLeftOut);
        assert_eq!(line(999), Line::LeftOut);
        assert_eq!(line(1000), write(2));
        assert_eq!(line(1001), write(0));
        budget.charge(5000);
        assert_eq!(line(1002), Line::FirstLeftOut);
        // The times may decrease, because the order in which threads take the lock may differ from the order in which
        // they read the clock.
        assert_eq!(line(900), Line::LeftOut);
        assert_eq!(line(3000), write(2));
    }

    #[test]
    fn empty_lines_cost_their_overhead() {
        let budget = LogBudget::new(10 * LINE_OVERHEAD);
        let now = Instant::now();
        let written = (0..100).filter(|_| matches!(budget.take_line(now), Line::Write { .. }));
        assert_eq!(written.count(), 10);
    }
}
