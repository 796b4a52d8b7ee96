//! Work with an outcome that is counted when it ends, however it ends.

use super::cell::LabelCounters;

/// Work whose outcome is counted when this value is dropped. If the work itself is dropped, because nobody waits for it
/// any more, the outcome is `abandoned`.
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

    /// Returns the outcome as it is now.
    pub(crate) fn outcome(&self) -> &'static str {
        self.outcome
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.counters.count(self.outcome);
    }
}
