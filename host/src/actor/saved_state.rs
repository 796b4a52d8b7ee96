//! Saved state that no instance is using, and the code that saved it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::budget::{Budget, Share};
use crate::guest::{Reason, Template};

/// A template, and the version under which an actor runs it.
#[derive(Clone)]
pub(super) struct CodeVersion {
    pub(super) template: Arc<Template>,
    /// Usually the number of the reload that loaded the template. But if a later reload loaded code that could not
    /// resume from the actor's state, the actor keeps this template, and `version` is the number of the later reload.
    pub(super) version: u64,
}

/// A state that waits for an instance, together with the code that saved the state. The code is kept so that at least
/// one version can resume from the state.
#[derive(Clone)]
pub(super) struct SavedState {
    /// `None` if the code returned no state.
    pub(super) state: Option<Arc<[u8]>>,
    /// The part of the host's budget that the state uses while it waits for an instance.
    pub(super) share: Option<Arc<Share>>,
    pub(super) code: CodeVersion,
    /// The reason passed to `resume` in the code that saved the state.
    pub(super) reason: Reason,
    /// If set, the state may lack events that happened after this time.
    pub(super) stale_since: Option<Instant>,
    /// How many times in a row `resume` has failed in the code that saved the state.
    pub(super) faults: u32,
}

impl CodeVersion {
    /// Returns whether this version has the same template as `other`, regardless of reloads in between.
    pub(super) fn is_same_code(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.template, &other.template)
    }
}

impl SavedState {
    pub(super) fn new(state: Option<Arc<[u8]>>, by: CodeVersion, reason: Reason) -> Self {
        Self { state, share: None, code: by, reason, stale_since: None, faults: 0 }
    }

    /// Charges the state to the host's budget, unless it is already charged.
    pub(super) fn counted_in(self, budget: &Arc<Budget>) -> Self {
        let bytes = self.state.as_ref().map_or(0, |state| state.len());
        let share = self.share.unwrap_or_else(|| Arc::new(Share::of(budget, bytes)));
        Self { share: Some(share), ..self }
    }

    /// Returns a copy to keep while an instance continues from this state. The copy is needed if that instance fails or
    /// is rolled back. The copy counts as stale from now on, because the instance handles further events.
    pub(super) fn as_stale(&self, reason: Reason) -> Self {
        let stale_since = self.stale_since.or_else(|| Some(Instant::now()));
        Self { reason, stale_since, faults: 0, ..self.clone() }
    }

    /// Returns whether the code that saved the state was replaced in the meantime but has become current again.
    pub(super) fn is_code_current_again(&self, current: &CodeVersion) -> bool {
        self.code.version != current.version && self.code.is_same_code(current)
    }

    /// Returns the age of a stale state. Returns `None` if the state reflects every event.
    pub(super) fn age(&self) -> Option<Duration> {
        self.stale_since.map(|since| since.elapsed())
    }
}
