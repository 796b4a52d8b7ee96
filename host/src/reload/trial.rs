//! New code takes over, for good or on trial, and old code comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ReloadError, ReloadTask, Replaced};
use crate::actor::{Rollout, SwapCounts, TrialState};
use crate::config::Trial;
use crate::guest::Template;

/// Who wants the old code back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because {
    /// The new code failed.
    Fault,
    /// Somebody asked.
    Asked,
}

impl ReloadTask {
    pub(super) async fn take_over(
        &mut self,
        new: Arc<Template>,
        began: Instant,
    ) -> Result<Replaced, ReloadError> {
        // What a fault has just brought back must be everywhere before it is replaced.
        self.finish_rollback().await;
        let old = self.resource.code().template();
        if old.has_lifecycle() && !new.has_lifecycle() {
            tracing::warn!(
                component = new.name(),
                "the new component has no `lifecycle`: it begins without the state of the old one"
            );
        }
        if self.resource.code().has_failed(new.hash()) {
            return Err(ReloadError::RolledBack { hash: new.hash().to_owned() });
        }
        let trial = *self.trial.lock();
        // What the last code that was not on trial handed over stays.
        if trial.is_none() || self.resource.code().trial_state() != TrialState::Running {
            self.resource.forget_handed_over();
        }
        self.trial_over = None;
        let waiting = match trial {
            None => {
                self.resource.code().install(Arc::clone(&new));
                self.resource.refresh().await;
                0
            }
            Some(Trial { time, canary }) => {
                let reach = if canary < 100 { Rollout::Some } else { Rollout::All };
                self.resource.code().begin_trial(Arc::clone(&new), time, reach);
                let waiting = match reach {
                    Rollout::Some => self.resource.try_out(canary).await,
                    Rollout::All => {
                        self.resource.refresh().await;
                        0
                    }
                };
                self.trial_over = Some(tokio::time::Instant::now() + time);
                waiting
            }
        };
        let replaced = self.replaced(&old, &new, began, waiting, trial.map(|trial| trial.time));
        match self.finish_rollback().await {
            Some(_) => Err(ReloadError::RolledBack { hash: new.hash().to_owned() }),
            None => Ok(replaced),
        }
    }

    /// The new code has done well, and stays.
    pub(super) async fn end_trial(&mut self) {
        // A fault may have been the first.
        if self.finish_rollback().await.is_some() {
            return;
        }
        self.trial_over = None;
        let code = self.resource.code();
        if code.end_trial() {
            self.resource.refresh().await;
        }
        self.resource.forget_handed_over();
        let (resource, hash) = (code.resource(), code.template().hash().to_owned());
        let SwapCounts { swapped, kept, lost, asleep, .. } = code.swaps();
        tracing::info!(
            resource,
            hash,
            swapped,
            kept,
            lost,
            asleep,
            "the trial is over: the new component stays"
        );
    }

    /// Lets the old code come back because somebody wants it.
    pub(super) async fn roll_back(&mut self) -> Result<Replaced, ReloadError> {
        let because = match self.resource.code().roll_back() {
            true => Because::Asked,
            false => Because::Fault,
        };
        self.bring_back(because).await.ok_or(ReloadError::NoTrial)
    }

    /// After a fault the old code is back already, for what comes next. This brings it to everybody.
    pub(super) async fn finish_rollback(&mut self) -> Option<Replaced> {
        self.bring_back(Because::Fault).await
    }

    async fn bring_back(&mut self, because: Because) -> Option<Replaced> {
        let began = Instant::now();
        let failed = self.resource.code().take_rolled_back()?;
        self.trial_over = None;
        self.resource.refresh().await;
        self.resource.forget_handed_over();
        let back = self.resource.code().template();
        let replaced = self.replaced(&failed, &back, began, 0, None);
        let Replaced { old, new, swapped, kept, lost, asleep, .. } = &replaced;
        let resource = self.resource.code().resource();
        match because {
            Because::Fault => tracing::error!(
                resource,
                old,
                new,
                swapped,
                kept,
                lost,
                asleep,
                "rolled back: the new component has failed on trial, and is not loaded again until its \
                 file changes"
            ),
            Because::Asked => {
                tracing::warn!(resource, old, new, swapped, kept, lost, asleep, "rolled back");
            }
        }
        self.count("rolled-back");
        Some(replaced)
    }

    fn replaced(
        &self,
        old: &Template,
        new: &Template,
        began: Instant,
        waiting: usize,
        trial: Option<Duration>,
    ) -> Replaced {
        let SwapCounts { swapped, kept, lost, asleep, longest_pause, .. } =
            self.resource.code().swaps();
        let (old, new) = (old.hash().to_owned(), new.hash().to_owned());
        let took = began.elapsed();
        Replaced { old, new, swapped, kept, lost, asleep, waiting, trial, longest_pause, took }
    }
}
