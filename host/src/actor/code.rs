//! The code that the actors of a resource run: one template at a time, replaced by a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::saved_state::CodeVersion;
use super::trial::TrialProgress;
use crate::budget::Budget;
use crate::guest::{Fault, Template};
use crate::log_rate::LogRate;

/// What actors are held to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Instances of the resource that are in memory at once.
    pub(crate) max_instances: usize,
    /// Octets of state that an instance hands to its successor.
    pub(crate) max_state: usize,
}

/// How long an event waits for instances that need no room to make some: while they go to sleep, or their
/// memory is given back. Far longer than that takes, and short for a client that is told then that there is none.
const MAKING_ROOM: Duration = Duration::from_secs(1);

/// How many faults of a resource are told in a second: all of them while somebody tries a handler out.
const FAULTS: u32 = 10;

/// The current template of a resource, and its instances counted.
pub(crate) struct Code {
    resource: String,
    limits: Limits,
    /// What states may take in the whole host.
    budget: Arc<Budget>,
    template: RwLock<Arc<Template>>,
    /// Rises with every template. An instance of an older one is replaced before its next event.
    version: AtomicU64,
    instances: Arc<Semaphore>,
    /// Somebody looks for room and finds none.
    wanted: Notify,
    /// What became of instances of older templates since the current one is here.
    swaps: Mutex<SwapCounts>,
    /// Lines on faults, which any client may cause.
    faults: LogRate,
    pub(super) trial: Mutex<TrialProgress>,
    /// Told when a fault has brought old code back.
    pub(super) rolled_back: Notify,
    /// The least time between two checkpoints of an instance, in milliseconds; 0 if there are none.
    checkpoint: AtomicU64,
}

/// What became of instances whose template was replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SwapCounts {
    /// The new code goes on.
    pub(crate) swapped: usize,
    /// The new code could not take over, and the old goes on.
    pub(crate) kept: usize,
    /// Neither could go on: the next event makes a fresh instance.
    pub(crate) lost: usize,
    /// They sleep: what was meant to take over does so when they wake.
    pub(crate) asleep: usize,
    /// For how long one of them could serve nobody, at most.
    pub(crate) longest_pause: Duration,
    /// Whether one that slept was woken, to find out whether the new code takes its state.
    has_woken_one: bool,
}

/// Who goes on after a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SwapOutcome {
    New(Duration),
    Old,
    Nobody,
}

impl Code {
    /// The first template of a resource of this name.
    pub(crate) fn new(
        resource: String,
        template: Arc<Template>,
        limits: Limits,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            resource,
            limits,
            budget,
            template: RwLock::new(template),
            version: AtomicU64::new(1),
            instances: Arc::new(Semaphore::new(limits.max_instances)),
            wanted: Notify::new(),
            swaps: Mutex::default(),
            faults: LogRate::per_second(FAULTS),
            trial: Mutex::default(),
            rolled_back: Notify::new(),
            checkpoint: AtomicU64::new(0),
        }
    }

    /// What states that wait are counted in.
    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// The name of the resource.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bounds the lines on faults.
    pub(super) fn faults(&self) -> &LogRate {
        &self.faults
    }

    /// The current template.
    pub(crate) fn template(&self) -> Arc<Template> {
        Arc::clone(&self.template.read())
    }

    /// From now on instances are made from this template.
    pub(super) fn set_template(&self, template: Arc<Template>) {
        let mut current = self.template.write();
        *current = template;
        self.reset_swaps();
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn reset_swaps(&self) {
        *self.swaps.lock() = SwapCounts::default();
    }

    /// How often instances give checkpoints at most.
    pub(crate) fn set_checkpoint(&self, least: Option<Duration>) {
        let milliseconds = least.map_or(0, |least| least.as_millis().max(1));
        self.checkpoint.store(u64::try_from(milliseconds).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn checkpoint(&self) -> Option<Duration> {
        match self.checkpoint.load(Ordering::Relaxed) {
            0 => None,
            milliseconds => Some(Duration::from_millis(milliseconds)),
        }
    }

    /// Whether no more instances may be in memory.
    pub(crate) fn is_full(&self) -> bool {
        self.instances.available_permits() == 0
    }

    /// Asks whoever can for room.
    pub(crate) fn want_room(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody looks for room and finds none.
    ///
    /// # Cancel safety
    ///
    /// Nothing is forgotten when the future is dropped.
    pub(crate) async fn room_wanted(&self) {
        self.wanted.notified().await;
    }

    /// What became of instances since the template was replaced last.
    pub(crate) fn swaps(&self) -> SwapCounts {
        *self.swaps.lock()
    }

    pub(super) fn count(&self, outcome: SwapOutcome) {
        let mut swaps = self.swaps.lock();
        match outcome {
            SwapOutcome::New(pause) => {
                swaps.swapped += 1;
                swaps.longest_pause = swaps.longest_pause.max(pause);
            }
            SwapOutcome::Old => swaps.kept += 1,
            SwapOutcome::Nobody => swaps.lost += 1,
        }
    }

    /// One more sleeps while its code is replaced. Answers whether it is the first, which is to wake.
    pub(super) fn count_asleep(&self) -> bool {
        let mut swaps = self.swaps.lock();
        let is_first = !std::mem::replace(&mut swaps.has_woken_one, true);
        swaps.asleep += usize::from(!is_first);
        is_first
    }

    /// The first was not woken, as there was no room for it.
    pub(super) fn count_without_room(&self) {
        let mut swaps = self.swaps.lock();
        swaps.has_woken_one = false;
        swaps.asleep += 1;
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The current template with its version.
    pub(super) fn current(&self) -> CodeVersion {
        let template = self.template.read();
        CodeVersion { template: Arc::clone(&template), version: self.version() }
    }

    /// Leave to have one more instance in memory.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(permit) = Arc::clone(&self.instances).try_acquire_owned() {
            return Ok(permit);
        }
        self.want_room();
        let permit = timeout(MAKING_ROOM, Arc::clone(&self.instances).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or(Fault::NoInstance(self.limits.max_instances))
    }
}
