//! Where the instance of an actor sits, and what is there while there is none.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::saved_state::{CodeVersion, SavedState};
use crate::guest::Guest;

/// How long a new instance is waited for after the second failed start in a row; doubled by each further
/// one.
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);

/// The longest wait.
const MAX_BACK_OFF: Duration = Duration::from_secs(5);

/// After so many failed starts in a row the clients are told that nothing will come of it.
pub(super) const GIVE_UP_AFTER: u32 = 8;

/// The instance of an actor, or what became of it.
#[derive(Default)]
pub(super) enum InstanceState {
    /// There was none yet.
    #[default]
    Unused,
    /// It waits for the next event.
    Live(LiveInstance),
    /// It was hibernated, or could not wake, and this is its state.
    Asleep(SavedState),
    /// It ended in the middle of an event.
    Lost,
}

/// An instance in memory.
pub(super) struct LiveInstance {
    pub(super) guest: Box<Guest>,
    /// The code that it runs.
    pub(super) code: CodeVersion,
    pub(super) permit: OwnedSemaphorePermit,
}

/// What is locked for a turn.
#[derive(Default)]
pub(super) struct ActorSlot {
    pub(super) instance: InstanceState,
    pub(super) checkpoint: Checkpoint,
    pub(super) failures: Failures,
}

/// What an instance can go on with after a trap.
#[derive(Default)]
pub(super) struct Checkpoint {
    pub(super) saved: Option<Box<SavedState>>,
    /// The next one is on its way: after what time, and what waits for it.
    pub(super) next: Option<(Duration, AbortOnDropHandle<()>)>,
}

/// What failed in a row: instances that could not start or resume, or timers. Faults in events of clients are
/// none of them: others must not wait for those.
#[derive(Debug, Default)]
pub(super) struct Failures {
    in_a_row: u32,
    not_before: Option<Instant>,
}

/// What follows from one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    /// A fresh instance goes on.
    Retry,
    /// Nobody can expect any more that one will do better.
    GiveUp,
}

impl ActorSlot {
    /// Takes the instance out, if there is one like this. Until something is put back, it is lost.
    pub(super) fn take_live(
        &mut self,
        is_wanted: impl FnOnce(&LiveInstance) -> bool,
    ) -> Option<LiveInstance> {
        match std::mem::replace(&mut self.instance, InstanceState::Lost) {
            InstanceState::Live(live) if is_wanted(&live) => Some(live),
            other => {
                self.instance = other;
                None
            }
        }
    }
}

impl Failures {
    pub(super) fn count(&mut self) -> Restart {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if let Some(doublings) = self.in_a_row.checked_sub(2) {
            let wait = FIRST_BACK_OFF * 2_u32.saturating_pow(doublings.min(16));
            self.not_before = Some(Instant::now() + wait.min(MAX_BACK_OFF));
        }
        if self.in_a_row == GIVE_UP_AFTER { Restart::GiveUp } else { Restart::Retry }
    }

    pub(super) fn forget(&mut self) {
        if self.in_a_row > 0 {
            *self = Self::default();
        }
    }

    /// Until when no new instance is made.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.not_before.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_begins_with_the_second_fault_and_doubles_to_its_longest() {
        let mut failures = Failures::default();
        assert_eq!(failures.count(), Restart::Retry);
        assert_eq!(failures.not_before(), None);
        let mut last = Duration::ZERO;
        for number in 2..100 {
            let verdict = failures.count();
            assert_eq!(verdict == Restart::GiveUp, number == GIVE_UP_AFTER);
            let wait = failures.not_before().expect("a wait") - Instant::now();
            assert!(wait <= MAX_BACK_OFF);
            assert!(wait > last || wait > MAX_BACK_OFF - FIRST_BACK_OFF, "{number}: {wait:?}");
            last = wait;
        }
        failures.forget();
        assert_eq!(failures.count(), Restart::Retry);
        assert_eq!(failures.not_before(), None);
    }
}
