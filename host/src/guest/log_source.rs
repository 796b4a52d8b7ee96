//! The names in log lines that come from instances or are about instances.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::log_rate::{Line, LogRate};

/// The component of an instance, as the log names it.
#[derive(Clone, Debug)]
pub(super) struct LogSource {
    /// The name of the component's file.
    pub(super) component: Arc<str>,
    /// The name of the resource. `None` if no resource is served.
    pub(super) resource: Option<Arc<str>>,
    /// The beginning of the component's hash. `GET /resources` shows the same hash, so versions can be distinguished.
    pub(super) hash: Arc<str>,
}

impl LogSource {
    /// Returns the values of the fields `component`, `resource` and `hash`.
    pub(super) fn fields(&self) -> (&str, Option<&str>, &str) {
        (&self.component, self.resource.as_deref(), &self.hash)
    }

    /// Logs a warning about an instance.
    pub(super) fn warn(&self, what: fmt::Arguments<'_>) {
        let (component, resource, hash) = self.fields();
        tracing::warn!(target: "guest", component, resource, hash, "{what}");
    }

    /// Logs a warning about an instance, unless `rate` suppresses the warning.
    pub(super) fn warn_rarely(&self, rate: &LogRate, what: fmt::Arguments<'_>) {
        if let Some(Line { left_out }) = rate.line(Instant::now()) {
            let (component, resource, hash) = self.fields();
            tracing::warn!(target: "guest", component, resource, hash, left_out, "{what}");
        }
    }
}
