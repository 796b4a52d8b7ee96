//! The code that the actors of a resource run: one template at a time, replaced by a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::budget::{Budget, Share};
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

/// How long an event waits for room that has to be delivered: a client's last, or a timer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long any other event waits for instances that need no room to make some: while they go to sleep, or their
/// memory is given back. Far longer than that takes, and short for a client that is told then that there is none.
const MAKING_ROOM: Duration = Duration::from_secs(1);

/// How many faults of a resource are told in a second: all of them while somebody tries a handler out.
const FAULTS: u32 = 10;

/// When there must be room for one more instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// At once, or as soon as those make room who do not need it. Otherwise the event is not delivered.
    Now,
    /// After others have gone.
    InTime,
}

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
    swaps: Mutex<Swaps>,
    /// Lines on faults, which any client may cause.
    faults: LogRate,
}

/// What became of instances whose template was replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swaps {
    /// The new code goes on.
    pub(crate) swapped: usize,
    /// The new code could not take over, and the old goes on.
    pub(crate) kept: usize,
    /// Neither could go on: the next event makes a fresh instance.
    pub(crate) lost: usize,
    /// For how long one of them could serve nobody, at most.
    pub(crate) longest_pause: Duration,
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
            faults: LogRate::of(FAULTS),
        }
    }

    /// A place for the state of an instance that sleeps. `None`: there is no room, and it has to stay.
    pub(super) fn room_for_state(&self, octets: usize) -> Option<Share> {
        self.budget.has_room_for_state(octets).then(|| Share::of(&self.budget, octets))
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
    pub(crate) fn replace(&self, template: Arc<Template>) {
        let mut current = self.template.write();
        *current = template;
        *self.swaps.lock() = Swaps::default();
        self.version.fetch_add(1, Ordering::Release);
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
    pub(crate) fn swaps(&self) -> Swaps {
        *self.swaps.lock()
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Swaps)) {
        count(&mut self.swaps.lock());
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The current template with its version.
    pub(super) fn current(&self) -> (Arc<Template>, u64) {
        let template = self.template.read();
        (Arc::clone(&template), self.version())
    }

    /// Leave to have one more instance in memory.
    pub(super) async fn permit(&self, room: Room) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(permit) = Arc::clone(&self.instances).try_acquire_owned() {
            return Ok(permit);
        }
        self.want_room();
        let patience = match room {
            Room::Now => MAKING_ROOM,
            Room::InTime => LONGEST_WAIT,
        };
        let permit = timeout(patience, Arc::clone(&self.instances).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or(Fault::NoInstance(self.limits.max_instances))
    }
}
