//! The metrics of one resource.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use tokio::runtime;

use super::catalog::{
    CAUSES, FAULTS, FULL_LIMITS, FULL_SENDS, HANDSHAKE_OUTCOMES, RELOAD_OUTCOMES, SAVE_OUTCOMES,
    SWAPS,
};
use super::cell::{Counter, Gauge, LabelCounters};
use super::close_codes;
use super::histogram::Histogram;
use super::recent::Recent;
use super::worker_cells::WorkerCells;

/// The metrics of one resource.
#[derive(Debug)]
pub(crate) struct ResourceMetrics {
    pub(crate) handshakes: LabelCounters,
    pub(crate) refused: LabelCounters,
    pub(crate) disconnections: LabelCounters,
    pub(crate) received_codes: LabelCounters,
    pub(crate) sent_codes: LabelCounters,
    pub(crate) refused_sends: LabelCounters,
    pub(crate) closed_for_room: Counter,
    pub(crate) closed_for_slowness: Counter,
    pub(crate) faults: LabelCounters,
    pub(crate) restarts: Counter,
    pub(crate) wakes: Counter,
    pub(crate) hibernations: Counter,
    pub(crate) checkpoints: Counter,
    pub(crate) saves: LabelCounters,
    pub(crate) reloads: LabelCounters,
    /// Whether the newest file of the component was rejected.
    pub(crate) is_component_rejected: AtomicBool,
    pub(crate) swaps: LabelCounters,
    pub(crate) reload_pause: Histogram,
    pub(crate) instance_memory: Gauge,
    pub(crate) recent: Recent,
    workers: Mutex<Vec<(runtime::Id, Arc<WorkerCells>)>>,
}

/// The metrics of an actor's resource, and their cells on the actor's worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActorMetrics {
    pub(crate) resource: Arc<ResourceMetrics>,
    pub(crate) worker: Arc<WorkerCells>,
}

/// An instance's share of its resource's memory metric. Dropping this value subtracts the share.
#[derive(Debug)]
pub(crate) struct MemoryShare {
    resource: Arc<ResourceMetrics>,
    bytes: usize,
}

impl Default for ResourceMetrics {
    fn default() -> Self {
        Self {
            handshakes: LabelCounters::new(HANDSHAKE_OUTCOMES),
            refused: LabelCounters::new(FULL_LIMITS),
            disconnections: LabelCounters::new(CAUSES),
            received_codes: LabelCounters::new(close_codes::VALUES),
            sent_codes: LabelCounters::new(close_codes::VALUES),
            refused_sends: LabelCounters::new(FULL_SENDS),
            closed_for_room: Counter::default(),
            closed_for_slowness: Counter::default(),
            faults: LabelCounters::new(FAULTS),
            restarts: Counter::default(),
            wakes: Counter::default(),
            hibernations: Counter::default(),
            checkpoints: Counter::default(),
            saves: LabelCounters::new(SAVE_OUTCOMES),
            reloads: LabelCounters::new(RELOAD_OUTCOMES),
            is_component_rejected: AtomicBool::new(false),
            swaps: LabelCounters::new(SWAPS),
            reload_pause: Histogram::default(),
            instance_memory: Gauge::default(),
            recent: Recent::default(),
            workers: Mutex::default(),
        }
    }
}

impl ResourceMetrics {
    /// Returns the metrics for the actors of one worker.
    pub(crate) fn on_worker(self: &Arc<Self>, worker: runtime::Id) -> ActorMetrics {
        let mut workers = self.workers.lock();
        let found =
            workers.iter().find(|(id, _)| *id == worker).map(|(_, cells)| Arc::clone(cells));
        let cells = found.unwrap_or_else(|| {
            let cells = Arc::<WorkerCells>::default();
            workers.push((worker, Arc::clone(&cells)));
            cells
        });
        ActorMetrics { resource: Arc::clone(self), worker: cells }
    }

    /// Returns the cells of all workers.
    pub(crate) fn workers(&self) -> Vec<Arc<WorkerCells>> {
        self.workers.lock().iter().map(|(_, cells)| Arc::clone(cells)).collect()
    }
}

impl MemoryShare {
    pub(crate) fn new(resource: &Arc<ResourceMetrics>) -> Self {
        Self { resource: Arc::clone(resource), bytes: 0 }
    }

    /// Returns the size.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets the size, which never decreases.
    pub(crate) fn grow_to(&mut self, bytes: usize) {
        self.resource.instance_memory.add(bytes.saturating_sub(self.bytes));
        self.bytes = self.bytes.max(bytes);
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.resource.instance_memory.subtract(self.bytes);
    }
}
