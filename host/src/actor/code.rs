//! The code that the actors of a resource run: one current template, which a reload replaces.

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
use crate::metrics::ResourceMetrics;

/// The limits of a resource's actors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActorLimits {
    /// The maximum number of instances of the resource that may be in memory at once.
    pub(crate) max_instances: usize,
    /// The maximum length of a state that is kept, in bytes.
    pub(crate) max_state: usize,
}

/// The maximum time that an event waits for another instance to be hibernated or freed. Normally the wait is far
/// shorter. With this limit, the host soon refuses a client for which no instance becomes available.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum number of faults of a resource that are logged in a second. This is enough to log every fault while a
/// developer tries out a handler.
const FAULT_LINES_PER_SECOND: u32 = 10;

/// The current template of a resource, its trial, and the permits of its instances.
pub(crate) struct Code {
    resource: String,
    limits: ActorLimits,
    /// The budget of the host, to which saved states are charged.
    budget: Arc<Budget>,
    metrics: Arc<ResourceMetrics>,
    template: RwLock<Arc<Template>>,
    /// Increases with every template that is installed for all actors. An instance with an older version is replaced
    /// before its next event.
    version: AtomicU64,
    instances: Arc<Semaphore>,
    /// Notified when an event needs an instance but no permit is free.
    room_requested: Notify,
    /// What has become of the instances of older templates since the last reload.
    swaps: Mutex<SwapCounts>,
    /// Limits log lines about faults, which any client may cause.
    faults: LogRate,
    pub(super) trial: Mutex<TrialProgress>,
    /// Notified when a fault has rolled back new code.
    pub(super) rolled_back: Notify,
    /// The shortest time between two checkpoints of an instance, in milliseconds; 0 if there are no checkpoints.
    checkpoint_interval: AtomicU64,
}

/// How many instances changed to new code after a reload, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SwapCounts {
    /// The new code continues.
    pub(crate) swapped: usize,
    /// The new code could not take over, so the old code continues.
    pub(crate) kept: usize,
    /// Neither the new nor the old code could continue, so a fresh instance starts without the state.
    pub(crate) lost: usize,
    /// The actor is hibernated. The new code takes over when the actor wakes.
    pub(crate) hibernated: usize,
    /// The longest time that an actor was without an instance.
    pub(crate) longest_pause: Duration,
    /// Whether one hibernated actor has been woken to find out whether the new code accepts its state.
    has_woken_one: bool,
}

/// What a reload did in an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SwapOutcome {
    /// The new code continues, after a pause of this length.
    Swapped(Duration),
    /// The old code continues.
    Kept,
    /// The instance is gone.
    Lost,
}

impl Code {
    /// Returns the code of a resource of this name, with its first template.
    pub(crate) fn new(
        resource: String,
        template: Arc<Template>,
        limits: ActorLimits,
        budget: Arc<Budget>,
        metrics: Arc<ResourceMetrics>,
    ) -> Self {
        Self {
            resource,
            limits,
            budget,
            metrics,
            template: RwLock::new(template),
            version: AtomicU64::new(1),
            instances: Arc::new(Semaphore::new(limits.max_instances)),
            room_requested: Notify::new(),
            swaps: Mutex::default(),
            faults: LogRate::per_second(FAULT_LINES_PER_SECOND),
            trial: Mutex::default(),
            rolled_back: Notify::new(),
            checkpoint_interval: AtomicU64::new(0),
        }
    }

    /// Returns the budget to which saved states are charged.
    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Returns the metrics of the resource.
    pub(crate) fn metrics(&self) -> &Arc<ResourceMetrics> {
        &self.metrics
    }

    /// Returns the name of the resource.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    pub(crate) fn limits(&self) -> &ActorLimits {
        &self.limits
    }

    /// Returns the limit on log lines about faults.
    pub(super) fn faults(&self) -> &LogRate {
        &self.faults
    }

    /// Returns the current template of the resource.
    pub(crate) fn template(&self) -> Arc<Template> {
        Arc::clone(&self.template.read())
    }

    /// Replaces the current template and resets the counts.
    pub(super) fn set_template(&self, template: Arc<Template>) {
        let mut current = self.template.write();
        *current = template;
        self.reset_swaps();
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn reset_swaps(&self) {
        *self.swaps.lock() = SwapCounts::default();
    }

    /// Sets the shortest time between two checkpoints of an instance. `None` means no checkpoints.
    pub(crate) fn set_checkpoint(&self, interval: Option<Duration>) {
        let milliseconds = interval.map_or(0, |interval| interval.as_millis().max(1));
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        self.checkpoint_interval.store(milliseconds, Ordering::Relaxed);
    }

    pub(super) fn checkpoint_interval(&self) -> Option<Duration> {
        match self.checkpoint_interval.load(Ordering::Relaxed) {
            0 => None,
            milliseconds => Some(Duration::from_millis(milliseconds)),
        }
    }

    /// Returns whether the number of instances in memory has reached `max-instances`.
    pub(crate) fn has_max_instances(&self) -> bool {
        self.instances.available_permits() == 0
    }

    /// Asks the sweeper to hibernate actors. That frees the permits of their instances.
    pub(crate) fn request_room(&self) {
        self.room_requested.notify_one();
    }

    /// Waits until an event needs an instance but no permit is free.
    ///
    /// # Cancel safety
    ///
    /// No request is lost when the future is dropped.
    pub(crate) async fn room_requested(&self) {
        self.room_requested.notified().await;
    }

    /// Returns what has become of the older instances since the last reload.
    pub(crate) fn swaps(&self) -> SwapCounts {
        *self.swaps.lock()
    }

    pub(super) fn count_swap(&self, outcome: SwapOutcome) {
        let mut swaps = self.swaps.lock();
        let label = match outcome {
            SwapOutcome::Swapped(pause) => {
                swaps.swapped += 1;
                swaps.longest_pause = swaps.longest_pause.max(pause);
                self.metrics.reload_pause.record(pause, 1);
                "swapped"
            }
            SwapOutcome::Kept => {
                swaps.kept += 1;
                "kept"
            }
            SwapOutcome::Lost => {
                swaps.lost += 1;
                "lost"
            }
        };
        self.metrics.swaps.count(label);
    }

    /// Called for each hibernated actor when the code is replaced. Returns true for the first of them, which must be
    /// woken. Counts any other actor as hibernated.
    pub(super) fn should_wake_one(&self) -> bool {
        let mut swaps = self.swaps.lock();
        let is_first = !std::mem::replace(&mut swaps.has_woken_one, true);
        swaps.hibernated += usize::from(!is_first);
        is_first
    }

    /// Called if no permit was free to wake a hibernated actor after a change of code. Counts the actor as hibernated,
    /// and lets [`should_wake_one`](Self::should_wake_one) choose another one.
    pub(super) fn count_not_woken(&self) {
        let mut swaps = self.swaps.lock();
        swaps.has_woken_one = false;
        swaps.hibernated += 1;
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns the current template with its version.
    pub(super) fn current(&self) -> CodeVersion {
        let template = self.template.read();
        CodeVersion { template: Arc::clone(&template), version: self.version() }
    }

    /// Waits for a permit that allows one more instance in memory.
    ///
    /// # Errors
    ///
    /// [`Fault::NoInstance`] if no permit becomes free within [`PERMIT_TIMEOUT`].
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(permit) = Arc::clone(&self.instances).try_acquire_owned() {
            return Ok(permit);
        }
        self.request_room();
        let permit = timeout(PERMIT_TIMEOUT, Arc::clone(&self.instances).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or(Fault::NoInstance(self.limits.max_instances))
    }
}
