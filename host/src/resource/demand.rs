//! What a test demands of a resource: that its next event fails, and that its instances hibernate.

use std::sync::Arc;

use super::Resource;
use super::maintenance::{Maintenance, join_all};
use crate::guest::DemandedFault;

impl Resource {
    /// Makes the next event of any instance fail.
    pub(crate) fn fail_next_event(&self, fault: DemandedFault) {
        self.code.template().demand(fault);
        for actor in self.actors() {
            // An actor whose event is still running looks for the demand afterwards.
            let busy = Arc::clone(&actor);
            actor.worker().run(async move { busy.turn().await.look_for_demand() });
        }
    }

    /// Hibernates all instances that have no event now, as if they had been quiet for long.
    pub(crate) async fn hibernate(&self) {
        join_all(Maintenance::Hibernate.start(self.actors())).await;
    }
}
