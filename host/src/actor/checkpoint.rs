//! Checkpoints: states that are saved while an instance runs. After a fault, the next instance resumes from the last
//! checkpoint.

use std::sync::Arc;

use super::saved_state::SavedState;
use super::slot::InstanceState;
use super::turn::Turn;
use crate::guest::Reason;

impl Turn<'_> {
    /// Schedules the next checkpoint, unless one is already scheduled. The first event after a checkpoint schedules the
    /// next one. Later events find it scheduled, so they cost nothing extra. After a whole interval without events, the
    /// last checkpoint reflects all events.
    pub(super) fn schedule_checkpoint(&mut self) {
        let Some(interval) = self.actor.code.checkpoint_interval() else { return };
        if self.slot.checkpoint.next.as_ref().is_some_and(|(after, _)| *after == interval) {
            return;
        }
        // The task keeps a durable actor until the checkpoint, because the checkpoint saves the actor's state. The task
        // does not keep any other actor. If such an actor is removed, it needs no checkpoint, and dropping it also
        // drops this task.
        let kept = self.actor.is_durable().then(|| Arc::clone(self.actor));
        let actor = Arc::downgrade(self.actor);
        let task = self.actor.worker.run_after(interval, move || async move {
            let _kept = kept;
            if let Some(actor) = actor.upgrade() {
                actor.turn().await.take_checkpoint().await;
            }
        });
        self.slot.checkpoint.next = Some((interval, task));
    }

    async fn take_checkpoint(mut self) {
        self.slot.checkpoint.next = None;
        // Another host may own the actor now. In that case none of the actor's code may run here.
        if self.actor.resources.check_ownership().is_err() {
            return;
        }
        let Some(mut live) = self.slot.take_live(|_| true) else { return };
        let was_packed = live.guest.is_packed();
        match self.actor.suspend(&mut live.guest, Reason::Checkpoint).await {
            Ok(state) => {
                if was_packed {
                    live.guest.pack();
                }
                if let Some(state) = &state {
                    self.actor.save(Arc::clone(state));
                }
                if state.is_some() {
                    let saved = SavedState::new(state, live.code.clone(), Reason::Fault);
                    self.keep_checkpoint(&saved);
                    self.actor.code.metrics().checkpoints.increment();
                    tracing::debug!(actor = self.actor.name(), "checkpoint");
                }
                self.slot.instance = InstanceState::Live(live);
            }
            Err(fault) => self.lose(live, &fault),
        }
    }

    /// Keeps a state as the last checkpoint. An instance has just saved the state or resumed from it, and continues
    /// with further events. If checkpoints are off, or there is no state, discards the last checkpoint.
    pub(super) fn keep_checkpoint(&mut self, saved: &SavedState) {
        let has_checkpoints = self.actor.code.checkpoint_interval().is_some();
        let Some(state) = saved.state.as_ref().filter(|_| has_checkpoints) else {
            self.slot.checkpoint.saved = None;
            return;
        };
        let budget = self.actor.code.budget();
        // If there is no room for this state, the older checkpoint stays, because it is better than none.
        if saved.share.is_some() || budget.has_room_for_state(state.len()) {
            self.slot.checkpoint.saved =
                Some(Box::new(saved.as_stale(Reason::Fault).counted_in(budget)));
        }
    }
}
