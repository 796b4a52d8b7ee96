//! Faults and transitions that tests trigger in a host.

use crate::guest::InjectedFault;
use crate::server::host::Host;

impl Host {
    /// Makes the next event of a resource fail. Does nothing if there is no such resource.
    pub(crate) fn fail_next_event(&self, resource: &str, fault: InjectedFault) {
        if let Ok(served) = self.named(resource) {
            served.resource().fail_next_event(fault);
        }
    }

    /// Hibernates all instances that are not handling an event.
    pub(crate) async fn hibernate(&self) {
        for served in self.state.registry.all() {
            served.resource().hibernate().await;
        }
    }
}
