//! The trial of new code: for some time after a reload, a rollback can restore the old code and its saved states.
//!
//! ```text
//!            begin_trial          note_fault, roll_back
//!  Settled ────────────▶ Running ───────────────────────▶ RolledBack
//!     ▲                  │     ▲        begin_trial        │      │
//!     │ end_trial,       │     └───────────────────────────┘      │
//!     │ install          │                                        │
//!     ├──────────────────┘                                        │ install
//!     └───────────────────────────────────────────────────────────┘
//! ```
//!
//! If `begin_trial` is called while a trial is `Running`, a new trial begins. A rollback of the new trial restores the
//! code from before the first trial.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::code::Code;
use super::saved_state::CodeVersion;
use crate::guest::{Reason, Template};

/// Where a fault happened, which determines whether the fault counts against the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultSite {
    /// The fault happened in an event. A client may have sent a message that makes every version of the code fail.
    Event,
    /// The fault happened while an instance was started, or in `resume`. The code is unusable.
    Start,
}

/// The state of the newest code's trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrialState {
    /// There was no trial, or it is over and the new code stays.
    Settled,
    /// A rollback can still restore the old code.
    Running,
    /// The new code failed or a rollback was requested, and the old code is current again.
    RolledBack,
}

/// The instances that get the new code at the beginning of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Only the chosen instances get the new code. The others get it after the trial.
    Canary,
    /// All instances get the new code.
    All,
}

/// The trial of the newest code, and the time of an earlier fault that matters for the next trial.
#[derive(Default)]
pub(super) struct TrialProgress {
    stage: Stage,
    /// The time of the last fault in code that was not on trial. It determines [`Trial::had_faults`] of the next trial.
    last_fault: Option<Instant>,
}

#[derive(Default)]
enum Stage {
    #[default]
    Settled,
    Running(Trial),
    RolledBack {
        /// The code that was on trial.
        from: Arc<Template>,
        /// Whether the rollback has been reported to the reload task.
        is_reported: bool,
    },
}

struct Trial {
    old: Arc<Template>,
    new: Arc<Template>,
    rollout: Rollout,
    /// Whether the old code had a fault shortly before the trial. If so, faults in events do not count against the new
    /// code. If they did, a client that makes every version fail could prevent every reload.
    had_faults: bool,
}

impl Code {
    /// Makes `new` the current code, without a trial.
    pub(crate) fn install(&self, new: Arc<Template>) {
        let mut progress = self.trial.lock();
        progress.stage = Stage::Settled;
        self.set_template(new);
    }

    /// Begins a trial of new code. With [`Rollout::Canary`], the code does not become current: the chosen instances get
    /// it as the [candidate](Self::candidate).
    pub(crate) fn begin_trial(&self, new: Arc<Template>, time: Duration, rollout: Rollout) {
        let mut progress = self.trial.lock();
        let had_faults = progress.last_fault.is_some_and(|fault| fault.elapsed() < time);
        // Code that is still on trial is unproven, so a rollback restores the code that came before it.
        let old = match &progress.stage {
            Stage::Running(trial) => Arc::clone(&trial.old),
            Stage::Settled | Stage::RolledBack { .. } => self.template(),
        };
        progress.stage = Stage::Running(Trial { old, new: Arc::clone(&new), rollout, had_faults });
        match rollout {
            Rollout::All => self.set_template(new),
            Rollout::Canary => self.reset_swaps(),
        }
    }

    /// Ends the trial and keeps the new code. Returns whether the other instances must get the new code now.
    pub(crate) fn end_trial(&self) -> bool {
        let mut progress = self.trial.lock();
        match std::mem::take(&mut progress.stage) {
            Stage::Running(Trial { new, rollout: Rollout::Canary, .. }) => {
                self.set_template(new);
                true
            }
            Stage::Running(_) | Stage::Settled => false,
            rolled_back @ Stage::RolledBack { .. } => {
                progress.stage = rolled_back;
                false
            }
        }
    }

    /// Makes the old code current again. Returns whether there was a trial to roll back.
    pub(crate) fn roll_back(&self) -> bool {
        self.roll_back_locked(&mut self.trial.lock())
    }

    fn roll_back_locked(&self, progress: &mut TrialProgress) -> bool {
        let Stage::Running(trial) = &progress.stage else { return false };
        self.set_template(Arc::clone(&trial.old));
        progress.stage = Stage::RolledBack { from: Arc::clone(&trial.new), is_reported: false };
        true
    }

    /// Waits until a fault has rolled back new code.
    ///
    /// # Cancel safety
    ///
    /// No rollback is missed when the future is dropped.
    pub(crate) async fn rolled_back(&self) {
        self.rolled_back.notified().await;
    }

    /// Returns the code that was rolled back. Returns it only once for each rollback.
    pub(crate) fn take_rolled_back(&self) -> Option<Arc<Template>> {
        match &mut self.trial.lock().stage {
            Stage::RolledBack { from, is_reported } => {
                (!std::mem::replace(is_reported, true)).then(|| Arc::clone(from))
            }
            Stage::Settled | Stage::Running(_) => None,
        }
    }

    /// Returns whether the code of the last reload has this hash and was rolled back.
    pub(crate) fn has_failed(&self, hash: &str) -> bool {
        matches!(&self.trial.lock().stage, Stage::RolledBack { from, .. } if from.hash() == hash)
    }

    /// Returns the newest code that was loaded and not rolled back.
    pub(crate) fn newest(&self) -> Arc<Template> {
        match &self.trial.lock().stage {
            Stage::Running(trial) => Arc::clone(&trial.new),
            Stage::Settled | Stage::RolledBack { .. } => self.template(),
        }
    }

    pub(crate) fn trial_state(&self) -> TrialState {
        match &self.trial.lock().stage {
            Stage::Settled => TrialState::Settled,
            Stage::Running(_) => TrialState::Running,
            Stage::RolledBack { .. } => TrialState::RolledBack,
        }
    }

    /// Returns the code on trial that only the chosen instances get.
    pub(super) fn candidate(&self) -> Option<CodeVersion> {
        match &self.trial.lock().stage {
            Stage::Running(Trial { new, rollout: Rollout::Canary, .. }) => {
                Some(CodeVersion { template: Arc::clone(new), version: self.version() })
            }
            _ => None,
        }
    }

    /// Returns whether a rollback may need the state that the `old` code saved for the `new` code. There are two such
    /// cases: the trial is still running, or it has been rolled back in the meantime.
    pub(super) fn may_roll_back_to(&self, old: &CodeVersion, new: &CodeVersion) -> bool {
        match &self.trial.lock().stage {
            Stage::Running(trial) => Arc::ptr_eq(&trial.old, &old.template),
            Stage::RolledBack { from, .. } => {
                Arc::ptr_eq(from, &new.template) && Arc::ptr_eq(&self.template(), &old.template)
            }
            Stage::Settled => false,
        }
    }

    /// Returns why an instance of older code is replaced.
    pub(super) fn replacement_reason(&self, older: &CodeVersion) -> Reason {
        match &self.trial.lock().stage {
            Stage::RolledBack { from, .. } if Arc::ptr_eq(from, &older.template) => {
                Reason::Rollback
            }
            _ => Reason::Reload,
        }
    }

    /// Handles a fault of this code. If the code is on trial and the fault counts against it (see
    /// [`Trial::had_faults`]), rolls the code back before this returns. If the code is not on trial, records the time
    /// of the fault for the next trial.
    pub(super) fn note_fault(&self, template: &Arc<Template>, fault: FaultSite) {
        let mut progress = self.trial.lock();
        match &progress.stage {
            Stage::Running(trial) if Arc::ptr_eq(&trial.new, template) => {
                if fault == FaultSite::Event && trial.had_faults {
                    return;
                }
            }
            _ => {
                progress.last_fault = Some(Instant::now());
                return;
            }
        }
        if self.roll_back_locked(&mut progress) {
            self.rolled_back.notify_one();
        }
    }
}
