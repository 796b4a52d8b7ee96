//! Putting new code into service with or without a trial, ending a trial, and rolling back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{ReloadError, ReloadTask, Replaced, unless_zero};
use crate::actor::{Rollout, SwapCounts, TrialState};
use crate::config::Trial;
use crate::guest::Template;

/// The cause of a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RollbackCause {
    /// A fault of the new code.
    Fault,
    /// A request to roll back.
    Request,
}

impl ReloadTask {
    /// Moves all actors to new code, or begins a trial of that code.
    pub(super) async fn deploy(
        &mut self,
        new: Arc<Template>,
        started: Instant,
    ) -> Result<Replaced, ReloadError> {
        // If a fault has just caused a rollback, all actors must first get the old code. Only then may that code be
        // replaced.
        self.finish_rollback().await;
        let old = self.resource.code().template();
        if old.has_lifecycle() && !new.has_lifecycle() {
            tracing::warn!(
                resource = self.resource.code().resource(),
                component = new.name(),
                hash = new.hash(),
                "the new component does not export `lifecycle`: it starts without the state of the old one"
            );
        }
        if self.resource.code().has_failed(new.hash()) {
            return Err(ReloadError::RolledBack { hash: new.hash().to_owned() });
        }
        let trial = *self.trial_settings.lock();
        // If a trial is still running, a rollback will restore the code from before that trial. So the states that were
        // kept for that code must stay.
        if trial.is_none() || self.resource.code().trial_state() != TrialState::Running {
            self.resource.discard_rollback_state();
        }
        self.trial_end = None;
        let waiting = match trial {
            None => {
                self.resource.code().install(Arc::clone(&new));
                self.resource.apply_reload().await;
                0
            }
            Some(Trial { time, canary }) => {
                let rollout = if canary < 100 { Rollout::Canary } else { Rollout::All };
                self.resource.code().begin_trial(Arc::clone(&new), time, rollout);
                let waiting = match rollout {
                    Rollout::Canary => self.resource.try_out(canary).await,
                    Rollout::All => {
                        self.resource.apply_reload().await;
                        0
                    }
                };
                self.trial_end = Some(Instant::now() + time);
                waiting
            }
        };
        let replaced = self.replaced(&old, &new, started, waiting, trial.map(|trial| trial.time));
        match self.finish_rollback().await {
            Some(_) => Err(ReloadError::RolledBack { hash: new.hash().to_owned() }),
            None => Ok(replaced),
        }
    }

    /// Ends the trial when its time is over. The new code stays.
    pub(super) async fn end_trial(&mut self) {
        // A fault may already have ended the trial with a rollback.
        if self.finish_rollback().await.is_some() {
            return;
        }
        self.trial_end = None;
        let code = self.resource.code();
        if code.end_trial() {
            self.resource.apply_reload().await;
        }
        self.resource.discard_rollback_state();
        let (resource, hash) = (code.resource(), code.template().hash().to_owned());
        let SwapCounts { swapped, kept, lost, hibernated, .. } = code.swaps();
        tracing::info!(
            resource,
            hash,
            swapped,
            kept = unless_zero(kept),
            lost = unless_zero(lost),
            hibernated = unless_zero(hibernated),
            "the trial is over: the new component stays"
        );
    }

    /// Rolls back the code on trial, as requested.
    pub(super) async fn roll_back(&mut self) -> Result<Replaced, ReloadError> {
        let cause = match self.resource.code().roll_back() {
            true => RollbackCause::Request,
            // A fault may have caused a rollback before this request.
            false => RollbackCause::Fault,
        };
        self.apply_rollback(cause).await.ok_or(ReloadError::NoTrial)
    }

    /// Completes the rollback if a fault has caused one. New events already use the old code. This function moves the
    /// remaining actors to the old code.
    pub(super) async fn finish_rollback(&mut self) -> Option<Replaced> {
        self.apply_rollback(RollbackCause::Fault).await
    }

    async fn apply_rollback(&mut self, cause: RollbackCause) -> Option<Replaced> {
        let started = Instant::now();
        let failed = self.resource.code().take_rolled_back()?;
        self.trial_end = None;
        self.resource.apply_reload().await;
        self.resource.discard_rollback_state();
        let back = self.resource.code().template();
        let replaced = self.replaced(&failed, &back, started, 0, None);
        let Replaced { old, new, swapped, .. } = &replaced;
        let [kept, lost, hibernated] =
            [replaced.kept, replaced.lost, replaced.hibernated].map(unless_zero);
        let resource = self.resource.code().resource();
        match cause {
            RollbackCause::Fault => tracing::error!(
                resource,
                old,
                new,
                swapped,
                kept,
                lost,
                hibernated,
                "rolled back: the new component failed its trial, and will not be loaded again until its \
                 file changes"
            ),
            RollbackCause::Request => {
                tracing::warn!(resource, old, new, swapped, kept, lost, hibernated, "rolled back");
            }
        }
        self.count("rolled-back");
        Some(replaced)
    }

    fn replaced(
        &self,
        old: &Template,
        new: &Template,
        started: Instant,
        waiting: usize,
        trial: Option<Duration>,
    ) -> Replaced {
        let SwapCounts { swapped, kept, lost, hibernated, longest_pause, .. } =
            self.resource.code().swaps();
        let (old, new) = (old.hash().to_owned(), new.hash().to_owned());
        let took = started.elapsed();
        Replaced { old, new, swapped, kept, lost, hibernated, waiting, trial, longest_pause, took }
    }
}
