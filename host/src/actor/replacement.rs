//! Who takes the seat next: a fresh instance, one that wakes, or a successor after a reload.
//!
//! A state that is in hand stays there until an instance has taken it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep_until;

use super::code::SwapOutcome;
use super::saved_state::{CodeVersion, SavedState};
use super::slot::{GIVE_UP_AFTER, InstanceState, LiveInstance};
use super::trial::FaultIn;
use super::turn::Turn;
use crate::guest::{Fault, Reason};

/// Who goes on after a reload.
enum Successor {
    New(LiveInstance),
    Old(LiveInstance),
    /// Without the state of the old one, which could not give it.
    Fresh(LiveInstance),
}

impl Turn<'_> {
    /// Finds an instance of the current code, whatever is in the seat. A state stays in the seat for the
    /// time of it, and if it fails.
    pub(super) async fn find_or_start(&mut self) -> Result<LiveInstance, Fault> {
        let current = self.actor.code.current();
        self.restore_after_rollback(&current);
        if let Some(old) = self.slot.take_live(|_| true) {
            return self.replace_instance(old, current).await;
        }
        if let Some(until) = self.slot.failures.not_before() {
            sleep_until(until).await;
        }
        let permit = self.actor.code.permit().await?;
        // There may have been a reload meanwhile.
        let current = self.actor.code.current();
        self.restore_after_rollback(&current);
        if matches!(self.slot.instance, InstanceState::Lost)
            && let Some(saved) = &self.slot.checkpoint.saved
        {
            self.slot.instance = InstanceState::Asleep(SavedState::clone(saved));
        }
        match &self.slot.instance {
            InstanceState::Asleep(saved) => {
                let saved = saved.clone();
                let is_settled = saved.code.version == current.version;
                let by = if is_settled { saved.code.clone() } else { current };
                self.wake(saved, by, permit).await
            }
            InstanceState::Lost => self.start_after_loss(permit, Reason::Fault).await,
            InstanceState::Unused | InstanceState::Live(_) => self.start_fresh(permit).await,
        }
    }

    /// After a rollback, what the old code handed over is in the seat again, in the place of whatever
    /// came of it. Answers whether it is so.
    pub(super) fn restore_after_rollback(&mut self, current: &CodeVersion) -> bool {
        let mut handed_over = self.actor.handed_over.lock();
        let Some(saved) = handed_over.take_if(|saved| saved.is_back_in(current)) else {
            return false;
        };
        drop(handed_over);
        if let Some(live) = self.slot.take_live(|_| true) {
            self.drop_instance(live);
        }
        self.actor.code.count(SwapOutcome::New(Duration::ZERO));
        self.slot.checkpoint.saved = None;
        self.slot.instance = InstanceState::Asleep(*saved);
        true
    }

    /// Lets an edition of the code take a state. If it cannot, the code that gave the state goes on. If
    /// that cannot either, the state waits for the next event.
    pub(super) async fn wake(
        &mut self,
        saved: SavedState,
        by: CodeVersion,
        permit: OwnedSemaphorePermit,
    ) -> Result<LiveInstance, Fault> {
        match saved.stale_since {
            None => metrics::counter!("ws_host_wakes_total").increment(1),
            Some(_) => metrics::counter!("ws_host_restarts_total").increment(1),
        }
        if !saved.code.is_same_code(&by) {
            let began = Instant::now();
            // That other code takes over says more than that an instance wakes.
            let reason = match saved.reason {
                Reason::Hibernation => self.actor.code.why_replaced(&saved.code),
                reason => reason,
            };
            match self.actor.start_from(&by.template, &saved, reason).await {
                Ok(Some(guest)) => {
                    self.actor.code.count(SwapOutcome::New(began.elapsed()));
                    self.hand_over(&saved, &by);
                    return Ok(LiveInstance { guest, code: by, permit });
                }
                Ok(None) => {}
                Err(fault) => self.report_failed_start(&by, &fault),
            }
            self.actor.code.count(SwapOutcome::Old);
        }
        self.wake_with_old_code(saved, by.version, permit).await
    }

    /// Lets the code that gave a state take it back, in spite of any newer one.
    async fn wake_with_old_code(
        &mut self,
        mut saved: SavedState,
        version: u64,
        permit: OwnedSemaphorePermit,
    ) -> Result<LiveInstance, Fault> {
        let blame = |_: &Fault| self.actor.code.note_fault(&saved.code.template, FaultIn::Start);
        let instantiated = self.actor.instantiate(&saved.code.template).await;
        let mut guest = instantiated.inspect_err(blame)?;
        let resumed = self.actor.resume(&mut guest, Some(&saved), saved.reason).await;
        match resumed.inspect_err(blame) {
            Ok(true) => {
                self.remember(&saved);
                let code = CodeVersion { version, ..saved.code };
                Ok(LiveInstance { guest, code, permit })
            }
            // An instance that refused a state may be in any: the next one begins without.
            Ok(false) => {
                drop(guest);
                self.discard_state();
                self.start_after_loss(permit, saved.reason).await
            }
            Err(fault) => {
                saved.faults += 1;
                if saved.faults < GIVE_UP_AFTER {
                    self.slot.instance = InstanceState::Asleep(saved);
                } else {
                    self.log_given_up(&saved);
                    self.discard_state();
                }
                Err(fault)
            }
        }
    }

    /// An instance without anything from before it.
    async fn start_fresh(&mut self, permit: OwnedSemaphorePermit) -> Result<LiveInstance, Fault> {
        let code = self.actor.code.current();
        let blame = |_: &Fault| self.actor.code.note_fault(&code.template, FaultIn::Start);
        let guest = self.actor.instantiate(&code.template).await.inspect_err(blame)?;
        Ok(LiveInstance { guest, code, permit })
    }

    /// An instance that knows that there was one before it.
    async fn start_after_loss(
        &mut self,
        permit: OwnedSemaphorePermit,
        reason: Reason,
    ) -> Result<LiveInstance, Fault> {
        metrics::counter!("ws_host_restarts_total").increment(1);
        let mut live = self.start_fresh(permit).await?;
        let template = Arc::clone(&live.code.template);
        let blame = |_: &Fault| self.actor.code.note_fault(&template, FaultIn::Start);
        self.actor.resume(&mut live.guest, None, reason).await.inspect_err(blame)?;
        Ok(live)
    }

    /// Puts an instance of an edition of the code in the place of an old one, or lets the old one go on.
    pub(super) async fn replace_instance(
        &mut self,
        old: LiveInstance,
        by: CodeVersion,
    ) -> Result<LiveInstance, Fault> {
        if old.code.is_same_code(&by) {
            return Ok(LiveInstance { code: by, ..old });
        }
        let began = Instant::now();
        let version = by.version;
        let (outcome, found) = match self.hand_state_over(old, by).await {
            Ok(Successor::New(live)) => (SwapOutcome::New(began.elapsed()), Ok(live)),
            Ok(Successor::Old(old)) => {
                let code = CodeVersion { version, ..old.code };
                (SwapOutcome::Old, Ok(LiveInstance { code, ..old }))
            }
            Ok(Successor::Fresh(live)) => (SwapOutcome::Nobody, Ok(live)),
            Err(fault) => (SwapOutcome::Nobody, Err(fault)),
        };
        self.actor.code.count(outcome);
        found
    }

    async fn hand_state_over(
        &mut self,
        mut old: LiveInstance,
        by: CodeVersion,
    ) -> Result<Successor, Fault> {
        let reason = self.actor.code.why_replaced(&old.code);
        let state = match self.actor.suspend(&mut old.guest, reason).await {
            Ok(state) => state,
            Err(fault) => {
                // The old code is to go anyway; what it could not hand over is lost.
                self.actor.report_fault(None, &fault);
                let LiveInstance { permit, guest, .. } = old;
                drop(guest);
                let Some(saved) = self.slot.checkpoint.saved.as_deref().cloned() else {
                    let restarted = self.start_after_loss(permit, Reason::Fault).await;
                    return restarted.map(Successor::Fresh);
                };
                self.slot.instance = InstanceState::Asleep(saved.clone());
                return self.wake(saved, by, permit).await.map(Successor::New);
            }
        };
        let saved = SavedState::new(state, old.code.clone(), reason);
        match self.actor.start_from(&by.template, &saved, reason).await {
            Ok(Some(guest)) => {
                self.hand_over(&saved, &by);
                return Ok(Successor::New(LiveInstance { guest, code: by, permit: old.permit }));
            }
            Ok(None) => {}
            Err(fault) => self.report_failed_start(&by, &fault),
        }
        // It was asked for its state and is as good as before.
        Ok(Successor::Old(old))
    }

    /// New code could not begin with a state of the old.
    fn report_failed_start(&self, new: &CodeVersion, fault: &Fault) {
        self.actor.report_fault(None, fault);
        self.actor.code.note_fault(&new.template, FaultIn::Start);
    }

    /// Other code has taken this. If that is on trial, or a fault elsewhere has ended its trial meanwhile, it is kept.
    fn hand_over(&mut self, saved: &SavedState, taken_by: &CodeVersion) {
        let code = Arc::clone(&self.actor.code);
        let may_return = code.may_return_to(&saved.code, taken_by);
        let bytes = saved.state.as_ref().map_or(0, |state| state.len());
        if !may_return || !code.budget().has_room_for_state(bytes) {
            return self.remember(saved);
        }
        // One state, and counted once, whatever it is kept for.
        let saved = saved.clone().counted_in(code.budget());
        self.remember(&saved);
        // Of this version, so that it is taken back under a later one.
        let version = code.version().min(taken_by.version);
        let by = CodeVersion { version, ..saved.code.clone() };
        *self.actor.handed_over.lock() =
            Some(Box::new(SavedState { code: by, ..saved.outdated(Reason::Rollback) }));
    }

    /// What was kept is of no use.
    fn discard_state(&mut self) {
        self.slot.instance = InstanceState::Lost;
        self.slot.checkpoint.saved = None;
    }

    fn log_given_up(&self, saved: &SavedState) {
        let bytes = saved.state.as_ref().map_or(0, |state| state.len());
        tracing::error!(
            resource = self.actor.code.resource(),
            actor = &*self.actor.name,
            "given up: a state of {bytes} octets is lost, as `resume` has failed {GIVE_UP_AFTER} times \
             with it in the code that gave it"
        );
    }
}
