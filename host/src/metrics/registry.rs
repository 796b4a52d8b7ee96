//! The metrics of resources, by name.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::resource::ResourceMetrics;

/// The metrics of all resources. A change of a resource's settings may require that the resource is restarted. While
/// clients of the old resource are still closing, the new resource continues to use the old one's counters.
#[derive(Debug, Default)]
pub(crate) struct ResourceRegistry(Mutex<HashMap<Arc<str>, Weak<ResourceMetrics>>>);

impl ResourceRegistry {
    /// Returns the metrics of the resource with this name.
    pub(crate) fn of(&self, name: &Arc<str>) -> Arc<ResourceMetrics> {
        let mut all = self.0.lock();
        if let Some(metrics) = all.get(name).and_then(Weak::upgrade) {
            return metrics;
        }
        all.retain(|_, metrics| metrics.strong_count() > 0);
        let metrics = Arc::<ResourceMetrics>::default();
        all.insert(Arc::clone(name), Arc::downgrade(&metrics));
        metrics
    }
}
