//! Clients by their tags, for whoever runs the server.

use std::sync::Arc;

use ws_host_protocol::{CloseFrame, CloseFrameError, SharedMessage};

use super::served::ServedResource;
use super::{Host, NoResource};
use crate::topics::is_valid_name;

/// Why nothing was done with the clients that have a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaggedError {
    /// There is no such resource.
    #[error(transparent)]
    NoResource(#[from] NoResource),
    /// No client can have such a tag.
    #[error("a tag has 1 to 255 octets")]
    InvalidTag,
    /// They cannot be closed like this.
    #[error(transparent)]
    Close(#[from] CloseFrameError),
}

impl Host {
    /// How many clients of a resource have a tag.
    ///
    /// # Errors
    ///
    /// [`TaggedError`].
    pub fn count_tagged(&self, resource: &str, tag: &str) -> Result<usize, TaggedError> {
        Ok(self.tagging(resource, tag)?.resource().topics().tags().count(tag))
    }

    /// Sends a text message to all clients of a resource that have a tag. Answers to how many it goes. It waits
    /// while too much that was sent like this, or published, waits to be delivered.
    ///
    /// # Errors
    ///
    /// [`TaggedError`]; nobody gets it then.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all of them get the message or none.
    pub async fn send_tagged_text(
        &self,
        resource: &str,
        tag: &str,
        message: &str,
    ) -> Result<usize, TaggedError> {
        self.send_tagged(resource, tag, || SharedMessage::text(message)).await
    }

    /// Sends a binary message to all clients of a resource that have a tag. Answers to how many it goes. It waits
    /// while too much that was sent like this, or published, waits to be delivered.
    ///
    /// # Errors
    ///
    /// [`TaggedError`]; nobody gets it then.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all of them get the message or none.
    pub async fn send_tagged_binary(
        &self,
        resource: &str,
        tag: &str,
        message: &[u8],
    ) -> Result<usize, TaggedError> {
        self.send_tagged(resource, tag, || SharedMessage::binary(message)).await
    }

    /// Closes all clients of a resource that have a tag, behind all that was sent to them. Answers how many there are.
    ///
    /// # Errors
    ///
    /// [`TaggedError`]; nobody is closed then.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all of them are closed or none.
    pub async fn close_tagged(
        &self,
        resource: &str,
        tag: &str,
        code: u16,
        reason: &str,
    ) -> Result<usize, TaggedError> {
        let served = self.tagging(resource, tag)?;
        let frame = CloseFrame::new(code, reason)?;
        Ok(served.resource().topics().tags().close(tag, frame).await)
    }

    async fn send_tagged(
        &self,
        resource: &str,
        tag: &str,
        message: impl FnOnce() -> SharedMessage,
    ) -> Result<usize, TaggedError> {
        let served = self.tagging(resource, tag)?;
        Ok(served.resource().topics().tags().send(tag, message()).await)
    }

    fn tagging(&self, resource: &str, tag: &str) -> Result<Arc<ServedResource>, TaggedError> {
        let served = self.named(resource)?;
        if is_valid_name(tag) { Ok(served) } else { Err(TaggedError::InvalidTag) }
    }
}
