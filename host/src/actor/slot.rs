//! The slot of an actor's instance, and the states that the instance can be in.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::saved_state::{CodeVersion, SavedState};
use crate::guest::Guest;

/// How long an actor waits before its next try after two failed starts in a row. Each further failed start doubles the
/// wait.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait after failed starts.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// After this many failed starts in a row, the actor closes its clients.
pub(super) const GIVE_UP_AFTER: u32 = 8;

/// The state of an actor's instance.
///
/// ```text
///                               inherit
///     ┌────────────────────────────────────────────────────┐
///     │               replace_instance                     │
///     │                   ┌──┐                             │
///     │     start         │  ▼        hibernate            ▼
///  Unused ──────────────▶ Live ──────────────────────▶ Hibernated ◀────── restore_for_rollback,
///                         │ ▲ ▲         wake            │ ▲ │             from any state
///                         │ │ └─────────────────────────┘ │ │
///     take_live,          │ │ put_instance, restart       │ │ discard_state
///     replace_instance    ▼ │       restore_checkpoint    │ │
///                        Absent ──────────────────────────┘ │
///                           ▲                               │
///                           └───────────────────────────────┘
/// ```
///
/// | function | trigger |
/// |---|---|
/// | `start` | the first event |
/// | `inherit` | the first event, if an earlier owner of the actor has left a state |
/// | `take_live` | a call of the handler: `take_current` takes the instance for an event; `take_checkpoint`, |
/// | | `last_state` and `hibernate` for `suspend`; `transition_to_live` and `try_out` for `replace_instance`. |
/// | | The state is `Absent` during the call. It stays `Absent` after a fault (`finish_call`, `lose`), |
/// | | and if the future of the call is dropped |
/// | `put_instance` | the event succeeded (`finish_call`). Other callers of `take_live` put the instance back |
/// | | without this function |
/// | `hibernate` | the actor was quiet, or another actor needs this instance's permit |
/// | `wake` | the next event; a reload that wakes one actor to find out whether new code accepts its state; or |
/// | | `try_out`, if a canary trial has chosen a hibernated actor |
/// | `replace_instance` | an event or maintenance (`apply_reload`, `try_out`) finds an instance of another code. |
/// | | If its `suspend` fails, `replace_lost` calls `restore_checkpoint` and `wake`, or else `restart`. |
/// | | If that fails, too, the state stays `Hibernated` or `Absent` |
/// | `restore_for_rollback` | the next event or `apply_reload` after a rollback |
/// | `restore_checkpoint` | there is a checkpoint, and either an event finds the state `Absent` |
/// | | or `replace_lost` runs |
/// | `restart` | there is no checkpoint, and either an event finds the state `Absent` or `replace_lost` runs; |
/// | | or the code that saved the state refuses it |
/// | `discard_state` | the code that saved the state refuses it, or has failed to resume it [`GIVE_UP_AFTER`] times |
///
/// The functions that make an instance (`start`, `wake`, `restart`, `replace_instance`) return the instance. An event
/// calls the returned instance at once, so the state is `Absent` until `put_instance`. Maintenance puts the returned
/// instance into the slot (`keep_or_report`).
///
/// `take_live`, `restore_checkpoint` and `discard_state` are in this file, `take_checkpoint` in `checkpoint.rs`,
/// `inherit` and `last_state` in `durable.rs`, the other functions in `turn.rs` and `transitions.rs`.
/// `Turn::transition_to_live` chooses the transition that an event needs.
#[derive(Default)]
pub(super) enum InstanceState {
    /// There has not been an instance yet.
    #[default]
    Unused,
    /// The instance waits for the next event.
    Live(LiveInstance),
    /// There is no instance. The next one resumes from this state.
    Hibernated(Box<SavedState>),
    /// There is no instance and no state. Either a call is running and will put its instance back, or the instance was
    /// dropped in the middle of a call.
    Absent,
}

/// An instance in memory.
pub(super) struct LiveInstance {
    pub(super) guest: Box<Guest>,
    /// The code that it runs.
    pub(super) code: CodeVersion,
    pub(super) permit: OwnedSemaphorePermit,
}

/// The part of an actor that a turn locks.
#[derive(Default)]
pub(super) struct ActorSlot {
    pub(super) instance: InstanceState,
    pub(super) checkpoint: Checkpoint,
    pub(super) failures: Failures,
}

/// The last checkpoint of an actor, and the task that takes the next one.
#[derive(Default)]
pub(super) struct Checkpoint {
    pub(super) saved: Option<Box<SavedState>>,
    /// The interval after which the next checkpoint is taken, and the task that waits for it.
    pub(super) next: Option<(Duration, AbortOnDropHandle<()>)>,
}

/// The number of failures in a row, and the backoff after them. A failure is a failed start of an instance or a failed
/// timer. Faults in events of clients cause no backoff, because the other clients would have to wait.
#[derive(Debug, Default)]
pub(super) struct Failures {
    in_a_row: u32,
    not_before: Option<Instant>,
}

/// What the actor does after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// The actor tries again.
    Retry,
    /// The actor closes its clients, because another try is unlikely to succeed.
    GiveUp,
}

impl ActorSlot {
    /// Takes the instance out of its slot, if there is one and `is_wanted` accepts it. The state is `Absent` until an
    /// instance is put back.
    pub(super) fn take_live(
        &mut self,
        is_wanted: impl FnOnce(&LiveInstance) -> bool,
    ) -> Option<LiveInstance> {
        match std::mem::replace(&mut self.instance, InstanceState::Absent) {
            InstanceState::Live(live) if is_wanted(&live) => Some(live),
            other => {
                self.instance = other;
                None
            }
        }
    }

    /// Replaces a lost instance with the last checkpoint, if there is one.
    pub(super) fn restore_checkpoint(&mut self) {
        if matches!(self.instance, InstanceState::Absent)
            && let Some(saved) = &self.checkpoint.saved
        {
            self.instance = InstanceState::Hibernated(saved.clone());
        }
    }

    /// Discards the saved state and the checkpoint, because no code can resume from them.
    pub(super) fn discard_state(&mut self) {
        self.instance = InstanceState::Absent;
        self.checkpoint.saved = None;
    }
}

impl Failures {
    /// Counts one more failure.
    pub(super) fn count(&mut self) -> AfterFailure {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if let Some(doublings) = self.in_a_row.checked_sub(2) {
            let wait = FIRST_BACKOFF * 2_u32.saturating_pow(doublings.min(16));
            self.not_before = Some(Instant::now() + wait.min(MAX_BACKOFF));
        }
        if self.in_a_row == GIVE_UP_AFTER { AfterFailure::GiveUp } else { AfterFailure::Retry }
    }

    /// Resets the count to zero after a success.
    pub(super) fn reset(&mut self) {
        if self.in_a_row > 0 {
            *self = Self::default();
        }
    }

    /// Returns the time of the next try, if it is in the future.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.not_before.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;

    /// The two counters of its `Arc` take 16 bytes. The allocator rounds more than 256 bytes up to 320.
    #[test]
    fn actor_is_small() {
        assert!(size_of::<Actor>() <= 240, "{}", size_of::<Actor>());
    }

    #[test]
    fn backoff_begins_with_the_second_failure_and_doubles_up_to_its_maximum() {
        let mut failures = Failures::default();
        assert_eq!(failures.count(), AfterFailure::Retry);
        assert_eq!(failures.not_before(), None);
        let mut last = Duration::ZERO;
        for number in 2..100 {
            let verdict = failures.count();
            assert_eq!(verdict == AfterFailure::GiveUp, number == GIVE_UP_AFTER);
            let wait = failures.not_before().expect("a wait") - Instant::now();
            assert!(wait <= MAX_BACKOFF);
            assert!(wait > last || wait > MAX_BACKOFF - FIRST_BACKOFF, "{number}: {wait:?}");
            last = wait;
        }
        failures.reset();
        assert_eq!(failures.count(), AfterFailure::Retry);
        assert_eq!(failures.not_before(), None);
    }
}
