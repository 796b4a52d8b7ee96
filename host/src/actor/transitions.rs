//! The transitions of an actor's instance between the states of [`InstanceState`]. The transitions during an event are
//! in `turn.rs`.
//!
//! A saved state stays in the slot until an instance has resumed from it, so dropping a future loses no saved state.
//! But an instance is lost if it is outside its slot when the future is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use super::code::{Code, SwapOutcome};
use super::saved_state::{CodeVersion, SavedState};
use super::slot::{AfterFailure, GIVE_UP_AFTER, InstanceState, LiveInstance};
use super::trial::FaultSite;
use super::turn::Turn;
use crate::clients::HostClose;
use crate::guest::{Fault, Reason, Template};

impl Turn<'_> {
    /// Returns an instance, regardless of the slot's state. Counts a failure if the handler caused it.
    ///
    /// The instance normally runs the current code. If that code did not accept the saved state, the instance runs
    /// older code. In both cases, the instance is recorded under the version of the current code.
    pub(super) async fn make_instance(&mut self) -> Result<LiveInstance, Fault> {
        let made = self.transition_to_live().await;
        // The actor may have moved to another host while the instance was being made.
        if made.is_ok()
            && let Err(not_owner) = self.actor.resources.check_ownership()
        {
            self.keep_or_report(made);
            return Err(not_owner.into());
        }
        match &made {
            Ok(_) => {
                self.slot.instance = InstanceState::Absent;
                self.slot.failures.reset();
            }
            Err(fault) if fault.is_caused_by_handler() => {
                if self.slot.failures.count() == AfterFailure::GiveUp {
                    self.actor.close_clients(HostClose::HandlerKeepsFailing);
                }
            }
            Err(_) => {}
        }
        made
    }

    /// Makes a transition to `Live`. The content of the slot determines which one.
    async fn transition_to_live(&mut self) -> Result<LiveInstance, Fault> {
        let current = self.actor.code.current();
        self.inherit(&current);
        self.restore_for_rollback(&current);
        if let Some(old) = self.slot.take_live(|_| true) {
            return self.replace_instance(old, current).await;
        }
        if let Some(until) = self.slot.failures.not_before() {
            sleep_until(until).await;
        }
        let permit = self.actor.code.permit().await?;
        // The waits may have taken long, so this host may have lost the right to run the actor. Without this right,
        // none of the actor's code may run.
        self.actor.resources.check_ownership()?;
        // A reload or rollback may have happened while this function waited for the permit.
        let current = self.actor.code.current();
        self.restore_for_rollback(&current);
        self.slot.restore_checkpoint();
        match &self.slot.instance {
            InstanceState::Unused | InstanceState::Live(_) => self.start(permit).await,
            InstanceState::Absent => self.restart(permit, Reason::Fault).await,
            InstanceState::Hibernated(saved) => {
                let saved = SavedState::clone(saved);
                // Two kinds of saved states have the current version: those that the current code saved, and those that
                // older code saved after the current code had failed to take over (`wake_with_old_code`,
                // `replace_instance`).
                let keeps_code = saved.code.version == current.version;
                let code = if keeps_code { saved.code.clone() } else { current };
                self.wake(saved, code, permit).await
            }
        }
    }

    /// Any variant → `Hibernated`: after a rollback, puts the state kept by `keep_for_rollback` into the slot. The old
    /// code saved this state. Drops the instance of the new code, if there is one. Returns whether there was a kept
    /// state.
    fn restore_for_rollback(&mut self, current: &CodeVersion) -> bool {
        let mut rollback_state = self.actor.rollback_state.lock();
        let Some(saved) = rollback_state.take_if(|saved| saved.is_code_current_again(current))
        else {
            return false;
        };
        drop(rollback_state);
        if let Some(live) = self.slot.take_live(|_| true) {
            self.drop_instance(live);
        }
        self.actor.code.count_swap(SwapOutcome::Swapped(Duration::ZERO));
        self.slot.checkpoint.saved = None;
        self.slot.instance = InstanceState::Hibernated(saved);
        true
    }

    /// `Unused` → `Live`: creates an instance without a state.
    async fn start(&mut self, permit: OwnedSemaphorePermit) -> Result<LiveInstance, Fault> {
        let code = self.actor.code.current();
        let blame = |fault: &Fault| note_failed_start(&self.actor.code, &code.template, fault);
        let guest = self.actor.instantiate(&code.template).await.inspect_err(blame)?;
        Ok(LiveInstance { guest, code, permit })
    }

    /// `Absent` → `Live`: creates an instance and calls its `resume` without a state, which tells the handler about the
    /// loss.
    async fn restart(
        &mut self,
        permit: OwnedSemaphorePermit,
        reason: Reason,
    ) -> Result<LiveInstance, Fault> {
        self.actor.code.metrics().restarts.increment();
        let mut live = self.start(permit).await?;
        let template = Arc::clone(&live.code.template);
        let blame = |fault: &Fault| note_failed_start(&self.actor.code, &template, fault);
        self.actor.resume(&mut live.guest, None, reason).await.inspect_err(blame)?;
        Ok(live)
    }

    /// `Hibernated` → `Live`: creates an instance of `code` that resumes from the state. If `code` cannot resume from
    /// it, falls back to the code that saved the state. If that code refuses the state, an instance starts without a
    /// state. If that code has a fault instead, the state waits for the next event.
    async fn wake(
        &mut self,
        saved: SavedState,
        code: CodeVersion,
        permit: OwnedSemaphorePermit,
    ) -> Result<LiveInstance, Fault> {
        match saved.stale_since {
            None => self.actor.code.metrics().wakes.increment(),
            Some(_) => self.actor.code.metrics().restarts.increment(),
        }
        if !saved.code.is_same_code(&code) {
            let started = Instant::now();
            // A change of code matters more to the handler than the end of hibernation, so `resume` gets the change of
            // code as the reason.
            let reason = match saved.reason {
                Reason::Hibernation => self.actor.code.replacement_reason(&saved.code),
                reason => reason,
            };
            match self.actor.instantiate_with_state(&code.template, &saved, reason).await {
                Ok(Some(guest)) => {
                    self.actor.code.count_swap(SwapOutcome::Swapped(started.elapsed()));
                    self.keep_for_rollback(&saved, &code);
                    return Ok(LiveInstance { guest, code, permit });
                }
                Ok(None) => {}
                Err(fault) => self.report_failed_start(&code, &fault),
            }
            self.actor.code.count_swap(SwapOutcome::Kept);
        }
        self.wake_with_old_code(saved, code.version, permit).await
    }

    /// Creates an instance of the code that saved the state. From then on, the actor treats the instance as if it had
    /// the code of `version`.
    async fn wake_with_old_code(
        &mut self,
        mut saved: SavedState,
        version: u64,
        permit: OwnedSemaphorePermit,
    ) -> Result<LiveInstance, Fault> {
        let template = Arc::clone(&saved.code.template);
        let blame = |fault: &Fault| note_failed_start(&self.actor.code, &template, fault);
        let instantiated = self.actor.instantiate(&saved.code.template).await;
        let mut guest = instantiated.inspect_err(blame)?;
        let resumed = self.actor.resume(&mut guest, Some(&saved), saved.reason).await;
        match resumed.inspect_err(blame) {
            Ok(true) => {
                self.keep_checkpoint(&saved);
                let code = CodeVersion { version, ..saved.code };
                Ok(LiveInstance { guest, code, permit })
            }
            // The instance that refused the state may have taken over a part of it. So another instance starts without
            // the state.
            Ok(false) => {
                drop(guest);
                self.slot.discard_state();
                self.restart(permit, saved.reason).await
            }
            Err(fault) => {
                saved.faults += u32::from(fault.is_caused_by_handler());
                if saved.faults < GIVE_UP_AFTER {
                    self.slot.instance = InstanceState::Hibernated(Box::new(saved));
                } else {
                    self.log_lost_state(&saved);
                    self.slot.discard_state();
                }
                Err(fault)
            }
        }
    }

    /// `Live` → `Live`: creates an instance of the `new` code that resumes from the state of the old instance. If the
    /// new code cannot resume from it, the old instance continues.
    async fn replace_instance(
        &mut self,
        mut old: LiveInstance,
        new: CodeVersion,
    ) -> Result<LiveInstance, Fault> {
        if old.code.is_same_code(&new) {
            return Ok(LiveInstance { code: new, ..old });
        }
        let started = Instant::now();
        // A reload must not need more memory than the instances take that are idle.
        let was_packed = old.guest.is_packed();
        let reason = self.actor.code.replacement_reason(&old.code);
        let state = match self.actor.suspend(&mut old.guest, reason).await {
            Ok(state) => state,
            Err(fault) => {
                // The old instance cannot continue, and the state that it failed to save is lost.
                self.actor.report_fault(None, &fault);
                let LiveInstance { permit, guest, .. } = old;
                drop(guest);
                return self.replace_lost(permit, new, started).await;
            }
        };
        let saved = SavedState::new(state, old.code.clone(), reason);
        match self.actor.instantiate_with_state(&new.template, &saved, reason).await {
            Ok(Some(mut guest)) => {
                self.keep_for_rollback(&saved, &new);
                let LiveInstance { permit, guest: old, .. } = old;
                drop(old);
                if was_packed {
                    guest.pack();
                }
                self.actor.code.count_swap(SwapOutcome::Swapped(started.elapsed()));
                return Ok(LiveInstance { guest, code: new, permit });
            }
            Ok(None) => {}
            Err(fault) => self.report_failed_start(&new, &fault),
        }
        // `suspend` left the old instance as it was.
        self.actor.code.count_swap(SwapOutcome::Kept);
        if was_packed {
            old.guest.pack();
        }
        let code = CodeVersion { version: new.version, ..old.code };
        Ok(LiveInstance { code, ..old })
    }

    /// Completes [`replace_instance`](Self::replace_instance) after the old instance failed to save its state.
    /// Continues from the last checkpoint, or without a state.
    async fn replace_lost(
        &mut self,
        permit: OwnedSemaphorePermit,
        new: CodeVersion,
        started: Instant,
    ) -> Result<LiveInstance, Fault> {
        self.slot.restore_checkpoint();
        let InstanceState::Hibernated(saved) = &self.slot.instance else {
            self.actor.code.count_swap(SwapOutcome::Lost);
            return self.restart(permit, Reason::Fault).await;
        };
        let saved = SavedState::clone(saved);
        // If another version of the handler's code saved the checkpoint, `wake` counts the outcome itself.
        let is_same_code = saved.code.is_same_code(&new);
        let woken = self.wake(saved, new, permit).await;
        if is_same_code {
            let swapped = |_: &LiveInstance| SwapOutcome::Swapped(started.elapsed());
            self.actor.code.count_swap(woken.as_ref().map_or(SwapOutcome::Lost, swapped));
        }
        woken
    }

    /// `Live` → `Hibernated`: frees the instance and keeps its state. If the handler returns no state, or there is no
    /// room for the state, the instance stays `Live` and is packed. Does nothing if the actor is unique in the cluster
    /// and may not run here, because such an actor is about to end.
    pub(crate) async fn hibernate(mut self) {
        if self.actor.resources.check_ownership().is_err() {
            return;
        }
        let Some(mut live) = self.slot.take_live(|_| true) else { return };
        match self.actor.suspend(&mut live.guest, Reason::Hibernation).await {
            Ok(Some(state)) => {
                let budget = self.actor.code.budget();
                if !budget.has_room_for_state(state.len()) {
                    live.guest.pack();
                    self.slot.instance = InstanceState::Live(live);
                    tracing::debug!(
                        actor = self.actor.name(),
                        "not hibernated: waiting messages and saved states already use half of max-buffered"
                    );
                    return;
                }
                self.actor.save(Arc::clone(&state));
                let saved = SavedState::new(Some(state), live.code.clone(), Reason::Hibernation);
                let saved = saved.counted_in(budget);
                self.slot.instance = InstanceState::Hibernated(Box::new(saved));
                self.slot.checkpoint.saved = None;
                self.drop_instance(live);
                self.actor.code.metrics().hibernations.increment();
                tracing::debug!(actor = self.actor.name(), "hibernated");
            }
            Ok(None) => {
                live.guest.pack();
                self.slot.instance = InstanceState::Live(live);
                tracing::debug!(
                    actor = self.actor.name(),
                    "not hibernated: the handler returned no state"
                );
            }
            Err(fault) => self.lose(live, &fault),
        }
    }

    /// `Live` → `Absent`: drops an instance that failed in `suspend`.
    pub(super) fn lose(&mut self, live: LiveInstance, fault: &Fault) {
        if fault.is_caused_by_handler() {
            self.actor.code.note_fault(&live.code.template, FaultSite::Event);
        }
        self.actor.report_fault(None, fault);
        self.drop_instance(live);
    }

    /// Moves the actor to the current code after a reload or a rollback. One hibernated actor of each resource is woken
    /// to find out whether the new code accepts its state. The other hibernated actors get the new code when they wake.
    /// Does nothing if the actor may not run here.
    pub(crate) async fn apply_reload(mut self) {
        if self.actor.resources.check_ownership().is_err() {
            return;
        }
        let code = &self.actor.code;
        let current = code.current();
        let was_live = self.has_instance();
        let was_restored = self.restore_for_rollback(&current);
        let needs_new_instance = match &self.slot.instance {
            InstanceState::Live(live) => live.code.version != current.version,
            InstanceState::Hibernated(_) if was_restored => was_live,
            InstanceState::Hibernated(saved) => {
                saved.code.version != current.version
                    && !saved.code.is_same_code(&current)
                    && code.should_wake_one()
            }
            InstanceState::Unused | InstanceState::Absent => false,
        };
        if needs_new_instance {
            let made = self.make_instance().await;
            self.keep_or_report(made);
        }
    }

    /// Moves the actor to the candidate of a canary trial: the new code that only the chosen actors run. Does nothing if
    /// the actor may not run here.
    pub(crate) async fn try_out(mut self) {
        let Some(candidate) = self.actor.code.candidate() else { return };
        if self.actor.resources.check_ownership().is_err() {
            return;
        }
        let made = if let Some(old) = self.slot.take_live(|_| true) {
            self.replace_instance(old, candidate).await
        } else if let InstanceState::Hibernated(saved) = &self.slot.instance {
            let saved = SavedState::clone(saved);
            match self.actor.code.permit().await {
                Ok(permit) => match self.actor.resources.check_ownership() {
                    Ok(()) => self.wake(saved, candidate, permit).await,
                    Err(not_owner) => Err(not_owner.into()),
                },
                Err(no_permit) => Err(no_permit),
            }
        } else {
            return;
        };
        self.keep_or_report(made);
    }

    /// Puts a new instance into the slot without delivering an event. If the instance could not be created, reports
    /// why.
    fn keep_or_report(&mut self, made: Result<LiveInstance, Fault>) {
        match made {
            Ok(live) => self.slot.instance = InstanceState::Live(live),
            // Only an actor without an instance needs a permit here, so this error means that the actor could not be
            // woken.
            Err(Fault::NoInstance(_)) => self.actor.code.count_not_woken(),
            Err(fault) => self.actor.report_fault(None, &fault),
        }
    }

    /// Keeps a state that newer code has resumed from, if a rollback may need it. There are two cases. Either the newer
    /// code is still on trial, or it has been rolled back in the meantime. In the second case, this actor must return
    /// to the old code as well.
    fn keep_for_rollback(&mut self, saved: &SavedState, resumed_by: &CodeVersion) {
        let code = Arc::clone(&self.actor.code);
        let may_roll_back = code.may_roll_back_to(&saved.code, resumed_by);
        let bytes = saved.state.as_ref().map_or(0, |state| state.len());
        if !may_roll_back || !code.budget().has_room_for_state(bytes) {
            return self.keep_checkpoint(saved);
        }
        // The checkpoint and the rollback share one copy of the state, which is charged to the budget once.
        let saved = saved.clone().counted_in(code.budget());
        self.keep_checkpoint(&saved);
        // The kept state gets the version of the code that resumed from it, even if that code has already been rolled
        // back. A rollback installs the old code under a higher version, so `is_code_current_again` detects the
        // rollback.
        let code = CodeVersion { version: resumed_by.version, ..saved.code.clone() };
        *self.actor.rollback_state.lock() =
            Some(Box::new(SavedState { code, ..saved.as_stale(Reason::Rollback) }));
    }

    /// Reports that new code could not start with the state of the old code.
    fn report_failed_start(&self, new: &CodeVersion, fault: &Fault) {
        self.actor.report_fault(None, fault);
        note_failed_start(&self.actor.code, &new.template, fault);
    }

    fn log_lost_state(&self, saved: &SavedState) {
        let bytes = saved.state.as_ref().map_or(0, |state| state.len());
        tracing::error!(
            resource = self.actor.code.resource(),
            actor = self.actor.name(),
            "discarded a saved state of {bytes} bytes, because `resume` failed {GIVE_UP_AFTER} times, even in the \
             component that saved the state; the next instance starts without it"
        );
    }
}

/// Records a failed start if the code is to blame.
fn note_failed_start(code: &Code, template: &Arc<Template>, fault: &Fault) {
    if fault.is_caused_by_handler() {
        code.note_fault(template, FaultSite::Start);
    }
}
