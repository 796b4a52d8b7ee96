//! Durable states: an actor that is unique in the cluster leaves its state to the next host that owns the actor.
//!
//! Each checkpoint is also saved outside this host, and so is the state of an actor that hibernates. Events never wait
//! for these saves. While one state is being saved, only the newest later state is kept for the next save.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use super::Actor;
use super::saved_state::{CodeVersion, SavedState};
use super::slot::InstanceState;
use super::turn::Turn;
use crate::clients::HostClose;
use crate::guest::Reason;
use crate::log_rate::{Line, LogRate};
use crate::ownership::{Holding, Inherited, Ownership, SaveError, SavedWhen};
use crate::running::Running;

/// The pause after a failed attempt to save a state.
const RETRY: Duration = Duration::from_millis(200);

/// Limits log lines about states that were not saved.
static NOT_SAVED: LogRate = LogRate::new();

/// The state that waits to be saved, and whether a task that saves it is running.
#[derive(Debug, Default)]
pub(super) struct Saves {
    waiting: Option<Arc<[u8]>>,
    is_saving: bool,
    /// Whether the last state of the actor is being saved, or was saved. No other state may replace that state.
    is_closed: bool,
}

impl Saves {
    /// Lets a state whose save has failed wait again, unless a later state waits or the last state is being saved.
    fn put_back(&mut self, state: Arc<[u8]>) {
        if !self.is_closed {
            self.waiting.get_or_insert(state);
        }
    }

    /// Permits no more states, because the last state is going to be saved.
    fn close(&mut self) {
        (self.waiting, self.is_closed) = (None, true);
    }
}

/// Why there is nothing to save after a handler was asked for its state.
#[derive(Clone, Copy, Debug)]
pub(super) enum MissingState {
    TooLong,
    /// `suspend` trapped, or exceeded a limit.
    Fault,
}

impl Actor {
    /// Returns whether the state of the actor is saved for the next owner.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable().is_some()
    }

    fn saves(&self) -> &Mutex<Saves> {
        self.saves.get_or_init(Box::default)
    }

    fn durable(&self) -> Option<&Arc<dyn Ownership>> {
        self.ownership().filter(|ownership| ownership.is_durable())
    }

    /// Saves a state for the next owner, if the actor's state is durable. Returns at once: a task saves the state.
    /// Until the state is saved, the task keeps the actor, and with it the right to run the actor.
    pub(super) fn save(self: &Arc<Self>, state: Arc<[u8]>) {
        let Some(ownership) = self.durable() else { return };
        let mut saves = self.saves().lock();
        if saves.is_closed {
            return;
        }
        saves.waiting = Some(state);
        if !std::mem::replace(&mut saves.is_saving, true) {
            self.worker.run(Arc::clone(self).save_waiting(Arc::clone(ownership)));
        }
    }

    /// Saves waiting states until none is left, or until another host owns the actor.
    async fn save_waiting(self: Arc<Self>, ownership: Arc<dyn Ownership>) {
        while let Some(state) = self.next_to_save() {
            let saved = ownership.save(Arc::clone(&state), SavedWhen::Running).await;
            self.note_save(&saved);
            match saved {
                // After an error, saving the next state may succeed: that state may be short enough, or the foreign
                // record may have been removed.
                Ok(()) | Err(SaveError::TooLong { .. } | SaveError::Foreign(_)) => {}
                Err(SaveError::Fenced) => {
                    self.saves().lock().waiting = None;
                    self.end_ownership(HostClose::Moved);
                }
                // The next owner resumes from the state that was saved before.
                Err(SaveError::Unavailable(_)) if ownership.holding() == Holding::Lost => {
                    self.saves().lock().waiting = None;
                }
                Err(SaveError::Unavailable(_)) => {
                    self.saves().lock().put_back(state);
                    sleep(RETRY).await;
                }
            }
        }
    }

    fn next_to_save(&self) -> Option<Arc<[u8]>> {
        let mut saves = self.saves().lock();
        let state = saves.waiting.take();
        saves.is_saving = state.is_some();
        state
    }

    /// Counts an attempt to save the state. Logs a failure, except an unavailable broker, which is logged elsewhere.
    fn note_save(&self, saved: &Result<(), SaveError>) {
        let outcome = match saved {
            Ok(()) => "saved",
            Err(SaveError::Unavailable(_)) => "unavailable",
            Err(SaveError::Fenced) => "fenced",
            Err(SaveError::TooLong { .. }) => "too-long",
            Err(SaveError::Foreign(_)) => "foreign",
        };
        self.code.metrics().saves.count(outcome);
        if let Err(why) = saved
            && !matches!(why, SaveError::Unavailable(_))
            && let Some(Line { left_out }) = NOT_SAVED.line(Instant::now())
        {
            let template = self.code.template();
            let (component, hash) = (template.name(), template.hash());
            let (resource, actor) = (self.code.resource(), self.name());
            tracing::warn!(
                component,
                hash,
                resource,
                actor,
                left_out,
                "the state was not saved: {why}"
            );
        }
    }

    /// Counts a durable state that cannot be saved, because `suspend` failed or the state is too long. The previously
    /// saved state is kept.
    pub(super) fn count_missing_state(&self, reason: Reason, why: MissingState) {
        let is_to_be_saved =
            matches!(reason, Reason::Checkpoint | Reason::Hibernation | Reason::Takeover);
        if is_to_be_saved && self.is_durable() {
            self.code.metrics().saves.count(match why {
                MissingState::TooLong => "too-long",
                MissingState::Fault => "fault",
            });
        }
    }

    /// Saves the state of an actor, if it is durable, and ends the actor on this host. Both happen in the same turn, so
    /// that no event comes between them. What the actor has published is sent before the actor ends, because another
    /// host may own the actor afterwards.
    pub(crate) fn hand_over(
        self: &Arc<Self>,
        why: HostClose<'static>,
        until: Instant,
    ) -> Running<()> {
        let actor = Arc::clone(self);
        self.worker.run(async move {
            let mut turn = actor.turn().await;
            turn.save_last(until).await;
            actor.resources.topics.flush().await;
            actor.end_ownership(why);
        })
    }
}

impl Turn<'_> {
    /// `Unused` → `Hibernated`: takes the state that an earlier owner left behind. The first instance will resume from
    /// it.
    pub(super) fn inherit(&mut self, current: &CodeVersion) {
        if !matches!(self.slot.instance, InstanceState::Unused) {
            return;
        }
        let Some(ownership) = self.actor.durable() else { return };
        let Some(Inherited { state, when }) = ownership.take_inherited() else { return };
        let saved = SavedState::new(state, current.clone(), Reason::Takeover);
        let saved = match when {
            SavedWhen::Handover => saved,
            // The age of the state counts from now, because clocks of different hosts cannot be compared.
            SavedWhen::Running => saved.as_stale(Reason::Takeover),
        };
        let saved = saved.counted_in(self.actor.code.budget());
        self.slot.instance = InstanceState::Hibernated(Box::new(saved));
    }

    /// Saves the last state of the actor. While the broker is away, keeps retrying up to the time `until`.
    async fn save_last(&mut self, until: Instant) {
        self.slot.checkpoint.next = None;
        let Some(ownership) = self.actor.durable().map(Arc::clone) else { return };
        if !ownership.is_held() {
            return;
        }
        let Some((state, when)) = self.last_state().await else { return };
        self.actor.saves().lock().close();
        loop {
            let saving = ownership.save(Arc::clone(&state), when);
            let late = || SaveError::Unavailable("the broker did not answer in time".to_owned());
            let saved = timeout_at(until, saving).await.unwrap_or_else(|_| Err(late()));
            self.actor.note_save(&saved);
            let Err(SaveError::Unavailable(why)) = saved else { return };
            if Instant::now() + RETRY >= until {
                let (resource, actor) = (self.actor.code.resource(), self.actor.name());
                tracing::warn!(
                    resource,
                    actor,
                    "the last state was not saved, so the next host resumes from an older one: {why}"
                );
                return;
            }
            sleep(RETRY).await;
        }
    }

    /// Returns the current state. Returns `None` if the handler returns no state, or if the current state is lost, for
    /// example because `suspend` failed. In both cases the previously saved state remains the newest one.
    async fn last_state(&mut self) -> Option<(Arc<[u8]>, SavedWhen)> {
        if let Some(mut live) = self.slot.take_live(|_| true) {
            return match self.actor.suspend(&mut live.guest, Reason::Takeover).await {
                Ok(state) => {
                    self.slot.instance = InstanceState::Live(live);
                    Some((state?, SavedWhen::Handover))
                }
                Err(fault) => {
                    self.lose(live, &fault);
                    let (resource, actor) = (self.actor.code.resource(), self.actor.name());
                    tracing::warn!(
                        resource,
                        actor,
                        "suspend failed, so the next host resumes from an older state"
                    );
                    None
                }
            };
        }
        let InstanceState::Hibernated(saved) = &self.slot.instance else { return None };
        let when = match saved.stale_since {
            None => SavedWhen::Handover,
            Some(_) => SavedWhen::Running,
        };
        Some((Arc::clone(saved.state.as_ref()?), when))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_save_waits_again_unless_a_later_state_does_or_the_last_state_is_saved() {
        let state = |byte: u8| -> Arc<[u8]> { Arc::new([byte]) };
        let mut saves = Saves::default();
        saves.put_back(state(1));
        assert_eq!(saves.waiting, Some(state(1)));
        saves.waiting = Some(state(2));
        saves.put_back(state(1));
        assert_eq!(saves.waiting, Some(state(2)));
        saves.close();
        saves.put_back(state(2));
        assert_eq!(saves.waiting, None);
    }
}
