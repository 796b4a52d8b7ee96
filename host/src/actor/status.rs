//! The status of an actor, as reported when the metrics are scraped.

use super::Actor;
use super::saved_state::SavedState;
use super::slot::InstanceState;
use crate::metrics::sample::InstanceCalls;

/// The current status of an actor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ActorStatus {
    pub(crate) instance: InstanceStatus,
    /// The linear memory of the instance, in bytes. `None` while a call is running, and if there is no instance.
    pub(crate) memory: Option<usize>,
    /// The number and the time of the calls into the instance. `None` while a call is running, and if there is no
    /// instance.
    pub(crate) calls: Option<InstanceCalls>,
    /// The length of the state of a hibernated actor, in bytes.
    pub(crate) hibernated_bytes: usize,
    /// The length of the last checkpoint, in bytes.
    pub(crate) checkpoint_bytes: usize,
    pub(crate) timers: usize,
}

/// Whether an actor has an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum InstanceStatus {
    #[default]
    None,
    Live,
    Hibernated,
}

impl Actor {
    /// Returns the current status. In the middle of a call, the actor counts as live, and the lengths of its hibernated
    /// state and its checkpoint are reported as 0.
    pub(crate) fn status(&self) -> ActorStatus {
        let timers = self.resources.timers.count();
        let Some(slot) = self.slot.try_lock() else {
            let instance = InstanceStatus::Live;
            return ActorStatus { instance, timers, ..ActorStatus::default() };
        };
        let checkpoint_bytes = slot.checkpoint.saved.as_deref().map_or(0, length);
        let status = ActorStatus { checkpoint_bytes, timers, ..ActorStatus::default() };
        match &slot.instance {
            InstanceState::Live(live) => {
                let (memory, calls) = (Some(live.guest.memory()), Some(live.guest.calls()));
                ActorStatus { instance: InstanceStatus::Live, memory, calls, ..status }
            }
            InstanceState::Hibernated(saved) => {
                let hibernated_bytes = length(saved);
                ActorStatus { instance: InstanceStatus::Hibernated, hibernated_bytes, ..status }
            }
            InstanceState::Unused | InstanceState::Absent => status,
        }
    }
}

fn length(saved: &SavedState) -> usize {
    saved.state.as_ref().map_or(0, |state| state.len())
}
