//! Tags: who clients are. A message to all that have a tag goes the way of what is published, and so does closing them.

use std::sync::Arc;

use ws_host_protocol::{CloseFrame, SharedMessage};

use super::delivery::{Broadcast, Publication};
use super::group::{DeliveryQueues, Group, Groups, JoinError};
use crate::clients::{Cause, Client, ClientId, Clients};

/// How many tags a client may have. Together with the limit of clients this bounds all that is kept here.
const MAX_TAGS: usize = 32;

/// Why a client did not get a tag.
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
        Self { groups: Groups::new(queues, MAX_TAGS) }
    }

    /// Must be called in an event of the client's actor. The client gets what is sent by this tag from now on.
    pub(crate) fn tag(&self, client: &Arc<Client>, tag: &str) -> Result<(), TagError> {
        Ok(self.groups.join(client, tag)?)
    }

    /// Answers whether the client had the tag.
    pub(crate) fn untag(&self, client: ClientId, tag: &str) -> bool {
        self.groups.leave(client, tag)
    }

    pub(super) fn remove_client(&self, client: ClientId) {
        self.groups.leave_all(client);
    }

    /// The tags of a client, in alphabetical order.
    pub(crate) fn tags_of(&self, client: ClientId) -> Vec<String> {
        self.groups.names_of(client)
    }

    /// Those of an actor's clients that have a tag and are open, lowest id first. Must be called where the actor is at
    /// home. There may be many who are none of them: for each of those it gives `None`, so that others can go on between.
    pub(crate) fn clients_of(
        &self,
        tag: &str,
        clients: &Clients,
    ) -> impl Iterator<Item = Option<ClientId>> {
        let members = self.groups.find(tag).and_then(|group| group.local_members());
        let fewer = match &members {
            None => Vec::new(),
            Some(members) if members.len() < clients.len() => members.all(),
            Some(_) => clients.all(),
        };
        fewer.into_iter().map(move |client| {
            let id = client.id();
            let has_tag = members.as_ref().is_some_and(|members| members.contains(id));
            (has_tag && client.is_open() && clients.find(id).is_some()).then_some(id)
        })
    }

    /// How many clients of the resource have a tag.
    pub(crate) fn count(&self, tag: &str) -> usize {
        self.groups.count(tag)
    }

    /// Those that have this tag, if there are any.
    pub(crate) fn find(&self, tag: &str) -> Option<Arc<Group>> {
        self.groups.find(tag)
    }

    /// Puts a message into the queues of all workers that have clients with the tag. All but these get it, perhaps.
    pub(crate) fn send_to(
        &self,
        tagged: &Group,
        message: SharedMessage,
        except: &[ClientId],
    ) -> Publication {
        tagged.enqueue(Broadcast::send(message, except))
    }

    /// Closes them, behind what was sent to them before.
    pub(crate) fn close_all(&self, tagged: &Group, frame: CloseFrame) -> Publication {
        tagged.enqueue(Broadcast::close(frame, Cause::Handler))
    }

    /// Sends a message to all that have a tag. Answers to how many it goes.
    ///
    /// # Cancel safety
    ///
    /// Either nobody gets the message or everybody does.
    pub(crate) async fn send(&self, tag: &str, message: SharedMessage) -> usize {
        self.groups.broadcast(tag, Broadcast::send(message, &[])).await
    }

    /// Closes all that have a tag, for whoever runs the server. Answers how many there are.
    ///
    /// # Cancel safety
    ///
    /// Either nobody is closed or everybody is.
    pub(crate) async fn close(&self, tag: &str, frame: CloseFrame) -> usize {
        self.groups.broadcast(tag, Broadcast::close(frame, Cause::Operator)).await
    }
}

impl TagError {
    /// The word for it in the contract with handlers.
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
