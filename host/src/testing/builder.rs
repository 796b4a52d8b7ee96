//! The settings of a test's host.

use std::path::PathBuf;
use std::time::Duration;

use super::host::TestHost;
use crate::StartError;
use crate::config::{self, Pattern, PatternError, ResourceConfig, default_cache};

/// 2026-01-01 00:00 UTC, as the time since 1970.
pub(super) const DEFAULT_TIME_OF_DAY: Duration = Duration::from_secs(1_767_225_600);

/// The maximum total number of bytes that wait for clients or are held as saved states. This limit is the same on every
/// machine.
const MAX_BUFFERED: usize = 256 << 20;

/// The settings of a [`TestHost`].
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) config: config::HostConfig,
    pub(super) time_of_day: Duration,
}

impl Builder {
    /// Begins with the default settings, and with a component that is served at `/`. Compiled components are kept in
    /// the user's cache folder.
    pub fn component(component: impl Into<PathBuf>) -> Self {
        let resource = ResourceConfig::new("/", component).expect("/ is a valid path");
        let mut config = config::HostConfig::new(vec![resource]);
        config.limits.max_buffered = MAX_BUFFERED;
        config.cache = default_cache();
        Self::config(config)
    }

    /// Begins with the settings of a whole host.
    pub fn config(config: config::HostConfig) -> Self {
        Self { config, time_of_day: DEFAULT_TIME_OF_DAY }
    }

    /// Serves the component at this path, which may be a path pattern such as `/room/{id}`.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the path is not valid.
    pub fn path(mut self, path: &str) -> Result<Self, PatternError> {
        if let Some(resource) = self.config.resources.first_mut() {
            resource.path = Pattern::parse(path)?;
        }
        Ok(self)
    }

    /// Changes settings of the resource, for example its limits.
    pub fn resource(mut self, change: impl FnOnce(&mut ResourceConfig)) -> Self {
        if let Some(resource) = self.config.resources.first_mut() {
            change(resource);
        }
        self
    }

    /// Sets the time of day at which the host starts, as the time since 1970 in UTC.
    pub fn time_of_day(mut self, since_1970: Duration) -> Self {
        self.time_of_day = since_1970;
        self
    }

    /// Starts the host.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    ///
    /// # Panics
    ///
    /// Panics inside a tokio runtime, because a test's host has its own runtime.
    pub fn start(self) -> Result<TestHost, StartError> {
        TestHost::with(self)
    }
}
