//! Faults and hibernations that tests trigger in a resource.

use std::sync::Arc;

use super::Resource;
use super::maintenance::{Maintenance, join_all};
use crate::guest::InjectedFault;

impl Resource {
    /// Makes the next event of any instance fail.
    pub(crate) fn fail_next_event(&self, fault: InjectedFault) {
        self.code.template().demand(fault);
        for actor in self.actors() {
            // If an event of the actor is running, the actor checks for the fault after that event.
            let busy = Arc::clone(&actor);
            actor.worker().run(async move { busy.turn().await.check_injected_fault() });
        }
    }

    /// Hibernates all instances that are not handling an event, as if they had been quiet for a long time.
    pub(crate) async fn hibernate(&self) {
        join_all(Maintenance::Hibernate.start(self.actors())).await;
    }
}
