//! Topics and tags: messages to many clients, which may belong to different actors and workers.
//!
//! A message is queued once for each worker that has subscribers. That worker delivers it to one subscriber at a time,
//! in slices. So no lock of a topic is held while messages are framed, compressed or sent, and no worker waits for
//! another worker. All subscribers get the messages of a topic in the same order, because messages are queued under the
//! lock of the topic.
//!
//! In a cluster, a message goes to the subscribers on this host first, and then to the other hosts through
//! [`Remote`].

mod delivery;
mod group;
mod remote;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ws_host_protocol::SharedMessage;

use self::delivery::Broadcast;
pub(crate) use self::delivery::{Progress, QueuedBroadcast};
use self::group::{DeliveryQueues, Groups, JoinError};
pub(crate) use self::group::{Group, is_valid_name};
#[cfg(feature = "nats")]
pub(crate) use self::remote::Flushing;
pub(crate) use self::remote::Remote;
pub(crate) use self::tags::{TagError, Tags};
use crate::clients::{Client, ClientId};
use crate::metrics::Counter;
use crate::ownership::Ownership;

/// The maximum number of topics to which a client may subscribe. Together with the limit on clients, this limits the
/// memory of all subscriptions.
const MAX_SUBSCRIPTIONS: usize = 128;

/// Why a client could not subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscribeError {
    Closed,
    InvalidTopic,
    TooMany,
}

/// The topics and the tags of a resource. They share the delivery queues.
#[derive(Debug)]
pub(crate) struct Topics {
    groups: Groups,
    tags: Tags,
    published: Counter,
}

impl Default for Topics {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Topics {
    /// Creates topics. If there are other hosts, messages also go to them.
    pub(crate) fn new(remote: Option<Arc<dyn Remote>>) -> Self {
        let queues = Arc::<DeliveryQueues>::default();
        let groups = Groups::new(&queues, MAX_SUBSCRIPTIONS, remote);
        Self { groups, tags: Tags::new(&queues), published: Counter::default() }
    }

    /// Subscribes a client to a topic. The client gets the messages that are published from now on. Must be called
    /// while the client's actor handles an event.
    pub(crate) fn subscribe(&self, client: &Arc<Client>, name: &str) -> Result<(), SubscribeError> {
        Ok(self.groups.join(client, name)?)
    }

    /// Unsubscribes a client from a topic. Returns whether it was subscribed.
    pub(crate) fn unsubscribe(&self, client: ClientId, name: &str) -> bool {
        self.groups.leave(client, name)
    }

    /// Unsubscribes a client from all topics. Returns the number of these topics.
    pub(crate) fn unsubscribe_all(&self, client: ClientId) -> usize {
        self.groups.leave_all(client)
    }

    /// Returns the topics of a client, in alphabetical order.
    pub(crate) fn topics_of(&self, client: ClientId) -> Vec<String> {
        self.groups.names_of(client)
    }

    /// Returns the number of clients that are subscribed to a topic.
    pub(crate) fn subscribers(&self, name: &str) -> usize {
        self.groups.count(name)
    }

    /// Returns the number of topics with subscribers.
    pub(crate) fn count(&self) -> usize {
        self.groups.len()
    }

    /// Returns the number of messages that were published to topics with subscribers.
    pub(crate) fn published(&self) -> u64 {
        self.published.get()
    }

    /// Returns the tags of the resource.
    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Removes a [disconnected](Client::is_disconnected) client from all topics and tags.
    pub(crate) fn remove_client(&self, client: ClientId) {
        self.groups.leave_all(client);
        self.tags.remove_client(client);
    }

    /// Returns the topic with this name, if it has subscribers.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Group>> {
        self.groups.find(name)
    }

    /// Publishes a message. If the caller runs on a worker, delivers it to the subscribers on this worker. Returns the
    /// number of subscribers.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, either all subscribers get the message or none.
    pub(crate) async fn publish(&self, name: &str, message: SharedMessage) -> usize {
        let Some(group) = self.find(name) else {
            if let Some(remote) = self.remote().filter(|_| is_valid_name(name)) {
                remote.publish(name, &message, None);
            }
            return 0;
        };
        group.wait_for_capacity().await;
        self.publish_to(&group, message, &[], None).deliver_all().await
    }

    /// Returns the other hosts, if there are any. This is for messages to a topic without subscribers on this host. For
    /// any other topic, [`publish_to`](Self::publish_to) also sends the message to the other hosts.
    pub(crate) fn remote(&self) -> Option<&Arc<dyn Remote>> {
        self.groups.remote()
    }

    /// Waits until the other hosts' broker has everything that was published here, but only for a short time.
    ///
    /// # Cancel safety
    ///
    /// Messages are sent even if the future is dropped.
    pub(crate) async fn flush(&self) {
        if let Some(remote) = self.remote() {
            remote.flush().await;
        }
    }

    /// Delivers a message from another host. Does not wait: returns `false` if the queues have no room for the message.
    #[cfg(feature = "nats")]
    pub(crate) fn deliver(&self, name: &str, message: SharedMessage) -> bool {
        let Some(group) = self.find(name) else { return true };
        let has_room = !group.is_full();
        if has_room {
            self.published.increment();
            // Dropping this value starts the delivery. The caller cannot deliver, because it does not run on a worker.
            drop(group.enqueue(Broadcast::send(message, &[])));
        }
        has_room
    }

    /// Queues a message for all members of the group, except those in `except`. The group must be a topic. Then sends
    /// the message to the other hosts, if there are any. `publisher` is the right to run the publishing actor, if that
    /// actor is unique in the cluster.
    pub(crate) fn publish_to(
        &self,
        group: &Group,
        message: SharedMessage,
        except: &[ClientId],
        publisher: Option<&Arc<dyn Ownership>>,
    ) -> QueuedBroadcast {
        self.published.increment();
        match self.groups.remote() {
            None => group.enqueue(Broadcast::send(message, except)),
            Some(remote) => {
                let copy = message.clone();
                let broadcast = Broadcast::send(message, except);
                group.enqueue_and(broadcast, || remote.publish(group.name(), &copy, publisher))
            }
        }
    }
}

impl From<JoinError> for SubscribeError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Closed => Self::Closed,
            JoinError::InvalidName => Self::InvalidTopic,
            JoinError::TooMany => Self::TooMany,
        }
    }
}
