//! New code on trial: for some time after a reload the old code can come back, with the states that it
//! handed over.
//!
//! ```text
//!             begin              a fault, or by hand
//!   Settled ─────────▶ Running ─────────────────────▶ Returned
//!      ▲                  │                               │
//!      └──────────────────┘   the time is over            │   the next reload
//!      └──────────────────────────────────────────────────┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::code::Code;
use super::saved_state::CodeVersion;
use crate::guest::{Reason, Template};

/// What a fault shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultIn {
    /// Perhaps no more than that somebody sends what every version of the code fails in.
    Event,
    /// That nothing can be done with this code.
    Start,
}

/// Where the trial of the newest code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrialState {
    /// There was none, or it is over, and the new code stays.
    Settled,
    /// The old code may still come back.
    Running,
    /// The new code failed or was not wanted, and the old code came back.
    RolledBack,
}

/// Which instances get the new code at the beginning of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Those that are chosen.
    Some,
    /// All.
    All,
}

/// The course of the newest code.
#[derive(Default)]
pub(super) struct TrialProgress {
    stage: Stage,
    /// When code failed that was not on trial.
    last_fault: Option<Instant>,
}

#[derive(Default)]
enum Stage {
    #[default]
    Settled,
    Running(Trial),
    /// The old code came back from this.
    RolledBack {
        from: Arc<Template>,
        is_reported: bool,
    },
}

struct Trial {
    old: Arc<Template>,
    new: Arc<Template>,
    reach: Rollout,
    /// Whether the old code failed in events too. What clients can bring about in both codes must not be
    /// in the way of every reload.
    had_faults: bool,
}

impl Code {
    /// From now on instances are made from this template, for good.
    pub(crate) fn install(&self, new: Arc<Template>) {
        let mut course = self.trial.lock();
        course.stage = Stage::Settled;
        self.set_template(new);
    }

    /// Tries new code out for a time. With a reach of some it is nobody's until they are
    /// [given](Self::candidate) it.
    pub(crate) fn begin_trial(&self, new: Arc<Template>, time: Duration, reach: Rollout) {
        let mut course = self.trial.lock();
        let had_faults = course.last_fault.is_some_and(|fault| fault.elapsed() < time);
        // What is itself on trial is not what to return to.
        let old = match &course.stage {
            Stage::Running(trial) => Arc::clone(&trial.old),
            Stage::Settled | Stage::RolledBack { .. } => self.template(),
        };
        course.stage = Stage::Running(Trial { old, new: Arc::clone(&new), reach, had_faults });
        match reach {
            Rollout::All => self.set_template(new),
            Rollout::Some => self.reset_swaps(),
        }
    }

    /// The trial is over, and the new code stays. Answers whether other instances are to follow now.
    pub(crate) fn end_trial(&self) -> bool {
        let mut course = self.trial.lock();
        match std::mem::take(&mut course.stage) {
            Stage::Running(Trial { new, reach: Rollout::Some, .. }) => {
                self.set_template(new);
                true
            }
            Stage::Running(_) | Stage::Settled => false,
            returned @ Stage::RolledBack { .. } => {
                course.stage = returned;
                false
            }
        }
    }

    /// Lets the old code come back. Answers whether there is any.
    pub(crate) fn roll_back(&self) -> bool {
        self.roll_back_from(&mut self.trial.lock())
    }

    fn roll_back_from(&self, course: &mut TrialProgress) -> bool {
        let Stage::Running(trial) = &course.stage else { return false };
        self.set_template(Arc::clone(&trial.old));
        course.stage = Stage::RolledBack { from: Arc::clone(&trial.new), is_reported: false };
        true
    }

    /// Waits until a fault has brought old code back.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn rolled_back(&self) {
        self.rolled_back.notified().await;
    }

    /// The code that old code came back from, once for each time.
    pub(crate) fn take_rolled_back(&self) -> Option<Arc<Template>> {
        match &mut self.trial.lock().stage {
            Stage::RolledBack { from, is_reported: is_told } => {
                (!std::mem::replace(is_told, true)).then(|| Arc::clone(from))
            }
            Stage::Settled | Stage::Running(_) => None,
        }
    }

    /// Whether the code with this hash was tried and has failed, and no other came since.
    pub(crate) fn has_failed(&self, hash: &str) -> bool {
        matches!(&self.trial.lock().stage, Stage::RolledBack { from, .. } if from.hash() == hash)
    }

    /// What was loaded last and has not failed.
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

    /// What the first instances get, while the others keep what they have.
    pub(super) fn candidate(&self) -> Option<CodeVersion> {
        match &self.trial.lock().stage {
            Stage::Running(Trial { new, reach: Rollout::Some, .. }) => {
                Some(CodeVersion { template: Arc::clone(new), version: self.version() })
            }
            _ => None,
        }
    }

    /// Whether old code may come back to what it hands over to new code now, or has come back meanwhile.
    pub(super) fn may_return_to(&self, old: &CodeVersion, new: &CodeVersion) -> bool {
        match &self.trial.lock().stage {
            Stage::Running(trial) => Arc::ptr_eq(&trial.old, &old.template),
            Stage::RolledBack { from, .. } => {
                Arc::ptr_eq(from, &new.template) && Arc::ptr_eq(&self.template(), &old.template)
            }
            Stage::Settled => false,
        }
    }

    /// Why an instance of older code is replaced.
    pub(super) fn why_replaced(&self, older: &CodeVersion) -> Reason {
        match &self.trial.lock().stage {
            Stage::RolledBack { from, .. } if Arc::ptr_eq(from, &older.template) => {
                Reason::Rollback
            }
            _ => Reason::Reload,
        }
    }

    /// Code has failed. If it is on trial, the old code is back when this returns.
    pub(super) fn note_fault(&self, template: &Arc<Template>, fault: FaultIn) {
        let mut course = self.trial.lock();
        match &course.stage {
            Stage::Running(trial) if Arc::ptr_eq(&trial.new, template) => {
                if fault == FaultIn::Event && trial.had_faults {
                    return;
                }
            }
            _ => {
                course.last_fault = Some(Instant::now());
                return;
            }
        }
        if self.roll_back_from(&mut course) {
            self.rolled_back.notify_one();
        }
    }
}
