//! Tags, which are names for sets of clients. Sending to a tag and closing its clients both go through the delivery
//! queues of topics.

use std::sync::Arc;

use ws_host_protocol::{CloseFrame, SharedMessage};

use super::delivery::{Broadcast, QueuedBroadcast};
use super::group::{DeliveryQueues, Group, Groups, JoinError};
use crate::clients::{Cause, Client, ClientId, Clients};

/// The maximum number of tags that a client may have. Together with the limit on clients, this limits the memory of all
/// tags.
const MAX_TAGS: usize = 32;

/// Why a client could not get a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagError {
    Closed,
    InvalidTag,
    TooMany,
}

/// The tags of a resource's clients.
#[derive(Debug)]
pub(crate) struct Tags {
    groups: Groups,
}

impl Tags {
    pub(super) fn new(queues: &Arc<DeliveryQueues>) -> Self {
        Self { groups: Groups::new(queues, MAX_TAGS, None) }
    }

    /// Adds a tag to a client. The client gets the messages that are sent to the tag from now on. Must be called while
    /// the client's actor handles an event.
    pub(crate) fn tag(&self, client: &Arc<Client>, tag: &str) -> Result<(), TagError> {
        Ok(self.groups.join(client, tag)?)
    }

    /// Removes a tag from a client. Returns whether the client had it.
    pub(crate) fn untag(&self, client: ClientId, tag: &str) -> bool {
        self.groups.leave(client, tag)
    }

    pub(super) fn remove_client(&self, client: ClientId) {
        self.groups.leave_all(client);
    }

    /// Returns the tags of a client, in alphabetical order.
    pub(crate) fn tags_of(&self, client: ClientId) -> Vec<String> {
        self.groups.names_of(client)
    }

    /// Returns the open clients of an actor that have this tag, lowest id first. Must be called on the actor's worker.
    /// Many of the checked clients may not qualify. For each of these, the iterator returns `None`, so that the caller
    /// can yield to other tasks in between.
    pub(crate) fn clients_of(
        &self,
        tag: &str,
        clients: &Clients,
    ) -> impl Iterator<Item = Option<ClientId>> {
        let members = self.groups.find(tag).and_then(|group| group.local_members());
        let candidates = match &members {
            None => Vec::new(),
            Some(members) if members.len() < clients.len() => members.all(),
            Some(_) => clients.all(),
        };
        candidates.into_iter().map(move |client| {
            let id = client.id();
            let has_tag = members.as_ref().is_some_and(|members| members.contains(id));
            (has_tag && client.is_open() && clients.find(id).is_some()).then_some(id)
        })
    }

    /// Returns how many of the resource's clients have this tag.
    pub(crate) fn count(&self, tag: &str) -> usize {
        self.groups.count(tag)
    }

    /// Returns the group of the clients that have this tag, if there are any.
    pub(crate) fn find(&self, tag: &str) -> Option<Arc<Group>> {
        self.groups.find(tag)
    }

    /// Queues a message for all clients with the tag, except those in `except`.
    pub(crate) fn send_to(
        &self,
        tagged: &Group,
        message: SharedMessage,
        except: &[ClientId],
    ) -> QueuedBroadcast {
        tagged.enqueue(Broadcast::send(message, except))
    }

    /// Queues a close frame for all clients with the tag. They first get the messages that were sent to them earlier.
    pub(crate) fn close_all(&self, tagged: &Group, frame: CloseFrame) -> QueuedBroadcast {
        tagged.enqueue(Broadcast::close(frame, Cause::Handler))
    }

    /// Sends a message to all clients that have this tag. Returns the number of these clients.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, either all clients get the message or none.
    pub(crate) async fn send(&self, tag: &str, message: SharedMessage) -> usize {
        self.groups.broadcast(tag, Broadcast::send(message, &[])).await
    }

    /// Closes all clients that have this tag, on behalf of the operator. Returns the number of these clients.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, either all clients are closed or none.
    pub(crate) async fn close(&self, tag: &str, frame: CloseFrame) -> usize {
        self.groups.broadcast(tag, Broadcast::close(frame, Cause::Operator)).await
    }
}

impl TagError {
    /// Returns the error's name in the contract.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::InvalidTag => "invalid-tag",
            Self::TooMany => "too-many",
        }
    }
}

impl From<JoinError> for TagError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Closed => Self::Closed,
            JoinError::InvalidName => Self::InvalidTag,
            JoinError::TooMany => Self::TooMany,
        }
    }
}
