//! What all resources of a host share: its settings, its engines and its threads.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use super::runtimes::Runtimes;
use crate::budget::Budget;
use crate::config;
use crate::guest::{CompileOptions, CompilerProcess};
use crate::platform::Platform;
use crate::worker::Workers;

/// The settings, engines, workers and memory budget of a host.
pub(in crate::server) struct HostContext {
    /// All settings except the resources, which are in the registry.
    pub(in crate::server) config: config::Host,
    pub(in crate::server) runtimes: Runtimes,
    pub(in crate::server) workers: Arc<Workers>,
    pub(in crate::server) budget: Arc<Budget>,
    _watch: AbortOnDropHandle<()>,
}

impl HostContext {
    /// # Errors
    ///
    /// The error of the operating system if it cannot start a worker thread.
    pub(in crate::server) fn new(
        config: config::Host,
        platform: Arc<dyn Platform>,
    ) -> std::io::Result<Self> {
        let config::Compile { program, max_memory, timeout } = config.compile.clone();
        let process = program.map(|program| CompilerProcess { program, max_memory, timeout });
        let workers = Arc::new(platform.workers(config.workers)?);
        let options = CompileOptions { cache: config.cache.clone(), process };
        let runtimes = Runtimes::new(options, platform);
        let watch = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&workers).watch()));
        let budget = Budget::new(config.limits.max_buffered);
        Ok(Self { config, runtimes, workers, budget, _watch: watch })
    }
}
