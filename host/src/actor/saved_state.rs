//! State without an instance, and the code that gave it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::budget::{Budget, Share};
use crate::guest::{Reason, Template};

/// A template, and the number of the reload from which on it is served.
#[derive(Clone)]
pub(super) struct CodeVersion {
    pub(super) template: Arc<Template>,
    /// Of an instance whose code was kept in spite of a reload, the number of that reload.
    pub(super) version: u64,
}

/// A state that waits for an instance. What holds it holds the code that gave it too, so that there is
/// always one that can take it.
#[derive(Clone)]
pub(super) struct SavedState {
    /// `None`: the code that was here before gave none.
    pub(super) state: Option<Arc<[u8]>>,
    /// As long as it waits, it counts among what waits in the host.
    pub(super) share: Option<Arc<Share>>,
    pub(super) code: CodeVersion,
    /// Why the code that gave it is to take it back, if it has to.
    pub(super) reason: Reason,
    /// Since when events came of which it knows nothing.
    pub(super) stale_since: Option<Instant>,
    /// How often this code failed to take it, in a row.
    pub(super) faults: u32,
}

impl CodeVersion {
    /// Whether both are the same code, whatever was reloaded between them.
    pub(super) fn is_same_code(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.template, &other.template)
    }
}

impl SavedState {
    pub(super) fn new(state: Option<Arc<[u8]>>, by: CodeVersion, reason: Reason) -> Self {
        Self { state, share: None, code: by, reason, stale_since: None, faults: 0 }
    }

    /// The same, counted among what waits in the host.
    pub(super) fn counted_in(self, budget: &Arc<Budget>) -> Self {
        let bytes = self.state.as_ref().map_or(0, |state| state.len());
        let share = self.share.unwrap_or_else(|| Arc::new(Share::of(budget, bytes)));
        Self { share: Some(share), ..self }
    }

    /// The same when the instance that has it goes on to other events. It is needed if that fails, or has to go.
    pub(super) fn outdated(&self, reason: Reason) -> Self {
        let stale_since = self.stale_since.or_else(|| Some(Instant::now()));
        Self { reason, stale_since, faults: 0, ..self.clone() }
    }

    /// Whether the code that gave it came back since then.
    pub(super) fn is_back_in(&self, current: &CodeVersion) -> bool {
        self.code.version != current.version && self.code.is_same_code(current)
    }

    /// How old it is, if it is not as the last event left it.
    pub(super) fn age(&self) -> Option<Duration> {
        self.stale_since.map(|since| since.elapsed())
    }
}
