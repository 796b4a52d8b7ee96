//! Topics and tags: whom a message goes to, on whichever actor and worker they are.
//!
//! A message goes to each worker that has subscribers once, and is delivered there, to one subscriber after the
//! other and in slices of time. So no lock is held while messages are framed, compressed or sent, and a worker
//! never waits for another one. All subscribers get the messages of a topic in the same order: that in
//! which they were put into the queues, under the topic's lock.
//!
//! Everything about topics is behind this one type, so that a broker of several machines can stand
//! behind it too.

mod delivery;
mod group;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ws_host_protocol::SharedMessage;

use self::delivery::Broadcast;
pub(crate) use self::delivery::{Progress, Publication};
use self::group::{DeliveryQueues, Groups, JoinError};
pub(crate) use self::group::{Group, is_valid_name};
pub(crate) use self::tags::{TagError, Tags};
use crate::clients::{Client, ClientId};

/// How many topics a client may be subscribed to. Together with the limit of clients this bounds all
/// that is kept here.
const MAX_SUBSCRIPTIONS: usize = 128;

/// Why a client was not subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscribeError {
    Closed,
    InvalidTopic,
    TooMany,
}

/// The topics of a resource, and its tags, which go the same ways.
#[derive(Debug)]
pub(crate) struct Topics {
    groups: Groups,
    tags: Tags,
}

impl Default for Topics {
    fn default() -> Self {
        let queues = Arc::<DeliveryQueues>::default();
        Self { groups: Groups::new(&queues, MAX_SUBSCRIPTIONS), tags: Tags::new(&queues) }
    }
}

impl Topics {
    /// Must be called in an event of the client's actor. The client gets what is published from now on.
    pub(crate) fn subscribe(&self, client: &Arc<Client>, name: &str) -> Result<(), SubscribeError> {
        Ok(self.groups.join(client, name)?)
    }

    /// Answers whether the client was subscribed.
    pub(crate) fn unsubscribe(&self, client: ClientId, name: &str) -> bool {
        self.groups.leave(client, name)
    }

    /// Answers how many subscriptions the client had.
    pub(crate) fn unsubscribe_all(&self, client: ClientId) -> usize {
        self.groups.leave_all(client)
    }

    /// To what a client is subscribed, in alphabetical order.
    pub(crate) fn topics_of(&self, client: ClientId) -> Vec<String> {
        self.groups.names_of(client)
    }

    /// How many clients are subscribed to a topic.
    pub(crate) fn subscribers(&self, name: &str) -> usize {
        self.groups.count(name)
    }

    /// What clients are, beside what they hear.
    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Unsubscribes a client that [has left](Client::is_disconnected) from everything, and takes its tags.
    pub(crate) fn remove_client(&self, client: ClientId) {
        self.groups.leave_all(client);
        self.tags.remove_client(client);
    }

    /// The topic of this name, if somebody is subscribed to it.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Group>> {
        self.groups.find(name)
    }

    /// Publishes a message and delivers it to the subscribers of this worker, if it is one. Answers to how many
    /// subscribers it goes.
    ///
    /// # Cancel safety
    ///
    /// Either nobody gets the message or everybody does.
    pub(crate) async fn publish(&self, name: &str, message: SharedMessage) -> usize {
        self.groups.broadcast(name, Broadcast::send(message, &[])).await
    }

    /// Puts a message into the queues of all workers that have subscribers. All but these get it, perhaps.
    pub(crate) fn publish_to(
        &self,
        topic: &Group,
        message: SharedMessage,
        except: &[ClientId],
    ) -> Publication {
        topic.enqueue(Broadcast::send(message, except))
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
