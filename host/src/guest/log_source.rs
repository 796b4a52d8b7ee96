//! What lines of the log name that come from instances or are about them.

use std::sync::Arc;

/// The component of an instance, as the log names it.
#[derive(Clone, Debug)]
pub(super) struct LogSource {
    /// The name of the component's file.
    pub(super) component: Arc<str>,
    /// The name of the resource. `None` if none is served.
    pub(super) resource: Option<Arc<str>>,
    /// The beginning of the component's hash, by which `GET /resources` tells versions apart.
    pub(super) hash: Arc<str>,
}

impl LogSource {
    /// Returns the values of the fields `component`, `resource` and `hash`.
    pub(super) fn fields(&self) -> (&str, Option<&str>, &str) {
        (&self.component, self.resource.as_deref(), &self.hash)
    }
}
