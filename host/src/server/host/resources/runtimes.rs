//! The engines that components run on.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::{InstancePer, ResourceConfig};
use crate::guest::{CompileOptions, Density, Runtime, RuntimeError};
use crate::platform::Platform;

/// The engines of a host: one for each kind of resource, started on first use.
pub(in crate::server) struct Runtimes {
    options: CompileOptions,
    platform: Arc<dyn Platform>,
    all: Mutex<HashMap<Density, Arc<Runtime>>>,
}

impl Runtimes {
    pub(in crate::server) fn new(options: CompileOptions, platform: Arc<dyn Platform>) -> Self {
        Self { options, platform, all: Mutex::default() }
    }

    /// Returns the engine for a resource.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`] if the engine does not start.
    pub(in crate::server) fn of(
        &self,
        resource: &ResourceConfig,
    ) -> Result<Arc<Runtime>, RuntimeError> {
        let density = match resource.instance_per {
            InstancePer::Resource { .. } => Density::Few,
            InstancePer::Path | InstancePer::Client => {
                Density::Many { max_memory: resource.limits.max_memory }
            }
        };
        let mut all = self.all.lock();
        if let Some(runtime) = all.get(&density) {
            return Ok(Arc::clone(runtime));
        }
        let (options, platform) = (self.options.clone(), Arc::clone(&self.platform));
        let runtime = Arc::new(Runtime::start(options, density, platform)?);
        all.insert(density, Arc::clone(&runtime));
        Ok(runtime)
    }

    /// Adds an engine that has already been started.
    #[cfg(test)]
    pub(in crate::server) fn put(&self, density: Density, runtime: Arc<Runtime>) {
        self.all.lock().insert(density, runtime);
    }
}
