//! How much the instances of a resource may write to the log.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The time for which the budget is.
const PERIOD: Duration = Duration::from_secs(1);

/// What a line costs beside its own octets: time, level and names stand before it.
const LINE: usize = 128;

/// A number of octets for each second. What goes beyond it is left out and counted.
#[derive(Debug)]
pub(super) struct LogBudget {
    max: usize,
    period: Mutex<Period>,
}

#[derive(Debug)]
struct Period {
    began: Option<Instant>,
    used: usize,
    /// Lines that were left out, in this period or, until a line is written, the one before.
    left_out: u64,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is written; so many were left out before it.
    Written { left_out: u64 },
    /// It is left out, the first in a row.
    FirstLeftOut,
    /// It is left out.
    LeftOut,
}

impl LogBudget {
    pub(super) fn new(max: usize) -> Self {
        Self { max, period: Mutex::new(Period { began: None, used: 0, left_out: 0 }) }
    }

    /// Octets for each second.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Asked before anything is done for a line.
    pub(super) fn line(&self, now: Instant) -> Line {
        let mut period = self.period.lock();
        if period.began.is_none_or(|began| now.saturating_duration_since(began) >= PERIOD) {
            period.began = Some(now);
            period.used = 0;
        }
        if period.used < self.max {
            period.used += LINE;
            return Line::Written { left_out: std::mem::take(&mut period.left_out) };
        }
        period.left_out += 1;
        if period.left_out == 1 { Line::FirstLeftOut } else { Line::LeftOut }
    }

    /// So many octets were written.
    pub(super) fn charge(&self, bytes: usize) {
        self.period.lock().used += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_beyond_the_budget_of_a_second_is_left_out_and_told() {
        let budget = LogBudget::new(1000);
        let start = Instant::now();
        let line = |milliseconds| budget.line(start + Duration::from_millis(milliseconds));
        let written = |left_out| Line::Written { left_out };
        assert_eq!(line(0), written(0));
        budget.charge(800);
        assert_eq!(line(1), written(0));
        assert_eq!(line(2), Line::FirstLeftOut);
        assert_eq!(line(999), Line::LeftOut);
        assert_eq!(line(1000), written(2));
        assert_eq!(line(1001), written(0));
        budget.charge(5000);
        assert_eq!(line(1002), Line::FirstLeftOut);
        // Threads may read the clock in another order than they come by.
        assert_eq!(line(900), Line::LeftOut);
        assert_eq!(line(3000), written(2));
    }

    #[test]
    fn empty_lines_cost_something_too() {
        let budget = LogBudget::new(10 * LINE);
        let now = Instant::now();
        let written = (0..100).filter(|_| matches!(budget.line(now), Line::Written { .. }));
        assert_eq!(written.count(), 10);
    }
}
