//! The code that the actors of a resource run: one template at a time, replaced by a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::guest::{Fault, Template};

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

/// When there must be room for one more instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// At once, or the event is not delivered.
    Now,
    /// After others have gone.
    InTime,
}

/// The current template of a resource, and its instances counted.
pub(crate) struct Code {
    resource: String,
    limits: Limits,
    template: RwLock<Arc<Template>>,
    /// Rises with every template. An instance of an older one is replaced before its next event.
    version: AtomicU64,
    instances: Arc<Semaphore>,
    /// What became of instances of older templates since the current one is here.
    swaps: Mutex<Swaps>,
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
    pub(crate) fn new(resource: String, template: Arc<Template>, limits: Limits) -> Self {
        Self {
            resource,
            limits,
            template: RwLock::new(template),
            version: AtomicU64::new(1),
            instances: Arc::new(Semaphore::new(limits.max_instances)),
            swaps: Mutex::default(),
        }
    }

    /// The name of the resource.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
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
        let instances = Arc::clone(&self.instances);
        let permit = match room {
            Room::Now => instances.try_acquire_owned().ok(),
            Room::InTime => {
                let permit = timeout(LONGEST_WAIT, instances.acquire_owned()).await;
                permit.ok().and_then(Result::ok)
            }
        };
        permit.ok_or(Fault::NoInstance(self.limits.max_instances))
    }
}
