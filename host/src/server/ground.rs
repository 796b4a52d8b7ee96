//! What resources stand on: the settings of the host, its engines and its threads.

use std::sync::Arc;

use super::runtimes::Runtimes;
use crate::config;
use crate::worker::Workers;

/// What all resources of a host share.
pub(super) struct Ground {
    /// All settings but the resources, which are in the registry.
    pub(super) config: config::Host,
    pub(super) runtimes: Runtimes,
    pub(super) workers: Arc<Workers>,
}

impl Ground {
    pub(super) fn new(config: config::Host) -> Self {
        let runtimes = Runtimes::new(config.cache.clone());
        let workers = Arc::new(Workers::start(config.workers));
        Self { config, runtimes, workers }
    }
}
