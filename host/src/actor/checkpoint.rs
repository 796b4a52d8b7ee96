//! Checkpoints: the state of an instance from time to time, for the one that takes its place after a
//! trap.

use std::sync::Arc;

use super::saved_state::SavedState;
use super::slot::InstanceState;
use super::turn::Turn;
use crate::guest::Reason;

impl Turn<'_> {
    /// The first event after a checkpoint asks for the next one, which comes when it may: so the last
    /// event before a pause is in it, and a message costs nothing for it.
    pub(super) fn ask_for_checkpoint(&mut self) {
        let Some(least) = self.actor.code.checkpoint() else { return };
        if self.slot.checkpoint.next.as_ref().is_some_and(|(after, _)| *after == least) {
            return;
        }
        // An actor that has ended meanwhile needs none, and its end ends the wait.
        let actor = Arc::downgrade(self.actor);
        let wait = self.actor.worker.run_after(least, move || async move {
            if let Some(actor) = actor.upgrade() {
                actor.turn().await.take_checkpoint().await;
            }
        });
        self.slot.checkpoint.next = Some((least, wait));
    }

    async fn take_checkpoint(mut self) {
        self.slot.checkpoint.next = None;
        let Some(mut live) = self.slot.take_live(|_| true) else { return };
        match self.actor.suspend(&mut live.guest, Reason::Checkpoint).await {
            Ok(state) => {
                if state.is_some() {
                    let saved = SavedState::new(state, live.code.clone(), Reason::Fault);
                    self.remember(&saved);
                    metrics::counter!("ws_host_checkpoints_total").increment(1);
                    tracing::debug!(actor = &*self.actor.name, "checkpoint");
                }
                self.slot.instance = InstanceState::Live(live);
            }
            Err(fault) => self.lose_instance(live, &fault),
        }
    }

    /// An instance has, or takes, this state, and goes on to other events.
    pub(super) fn remember(&mut self, saved: &SavedState) {
        let Some(state) = saved.state.as_ref().filter(|_| self.actor.code.checkpoint().is_some())
        else {
            self.slot.checkpoint.saved = None;
            return;
        };
        let budget = self.actor.code.budget();
        // Where what waits leaves no room for it, an older one is better than none.
        if saved.share.is_some() || budget.has_room_for_state(state.len()) {
            self.slot.checkpoint.saved =
                Some(Box::new(saved.outdated(Reason::Fault).counted_in(budget)));
        }
    }
}
