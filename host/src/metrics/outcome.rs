//! Work whose outcome is counted when the work ends or is dropped.

use super::cell::LabelCounters;

/// Work whose outcome is counted when this value is dropped. If nobody waits for the work any more, the work itself is
/// dropped, and its outcome is `abandoned`.
pub(crate) struct Pending<'a> {
    counters: &'a LabelCounters,
    outcome: &'static str,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(counters: &'a LabelCounters) -> Self {
        Self { counters, outcome: "abandoned" }
    }

    /// Sets the outcome.
    pub(crate) fn end(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }

    /// Returns the outcome that is currently set.
    pub(crate) fn outcome(&self) -> &'static str {
        self.outcome
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.counters.count(self.outcome);
    }
}
