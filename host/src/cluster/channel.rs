//! The channel of a resource: the connection between its topics and the cluster.

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::time::timeout;

use ws_host_protocol::SharedMessage;

use super::interest::Key;
use super::outbox::MAX_FLUSH;
use super::shared::Shared;
use crate::ownership::Ownership;
use crate::topics::{Flushing, Remote, Topics};

/// Connects the topics of a resource to the other hosts.
#[derive(Debug)]
struct Channel {
    number: u64,
    resource: Arc<str>,
    topics: Weak<Topics>,
    shared: Arc<Shared>,
}

/// Creates the topics of a resource. Resources with the same name on all hosts share their topics.
pub(super) fn topics(shared: &Arc<Shared>, resource: &str) -> Arc<Topics> {
    Arc::new_cyclic(|topics| {
        Topics::new(Some(Arc::new(Channel {
            number: shared.next_channel(),
            resource: resource.into(),
            topics: Weak::clone(topics),
            shared: Arc::clone(shared),
        })))
    })
}

impl Channel {
    fn key(&self, topic: &str) -> Key {
        Key { channel: self.number, topic: topic.into() }
    }
}

impl Remote for Channel {
    fn join(&self, topic: &str) {
        self.shared.interests.join(self.key(topic), &self.resource, &self.topics);
    }

    fn leave(&self, topic: &str) {
        self.shared.interests.leave(&self.key(topic), Instant::now());
    }

    fn publish(
        &self,
        topic: &str,
        message: &SharedMessage,
        publisher: Option<&Arc<dyn Ownership>>,
    ) {
        self.shared.outbox.put(&self.resource, topic, message, publisher);
    }

    fn flush(&self) -> Flushing<'_> {
        Box::pin(async {
            // If the time runs out, the actor ends all the same, and its messages that are still waiting are lost.
            let _ = timeout(MAX_FLUSH, self.shared.outbox.flush()).await;
        })
    }
}
