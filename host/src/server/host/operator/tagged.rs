//! Operations for the operator on all clients that have a given tag.

use std::sync::Arc;

use ws_host_protocol::{CloseFrame, CloseFrameError, SharedMessage};

use crate::server::host::Host;
use crate::server::host::resources::{NoResource, ServedResource};
use crate::topics::is_valid_name;

/// The reason why an operation on the clients with a tag was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaggedError {
    /// There is no such resource.
    #[error(transparent)]
    NoResource(#[from] NoResource),
    /// The tag is invalid: no client can have it.
    #[error("a tag must have 1 to 255 bytes")]
    InvalidTag,
    /// The close code or reason is invalid.
    #[error(transparent)]
    Close(#[from] CloseFrameError),
}

impl Host {
    /// Returns how many of a resource's clients have this tag.
    ///
    /// # Errors
    ///
    /// [`TaggedError`].
    pub fn count_tagged(&self, resource: &str, tag: &str) -> Result<usize, TaggedError> {
        Ok(self.tagging(resource, tag)?.resource().topics().tags().count(tag))
    }

    /// Sends a text message to all clients of a resource that have this tag. Returns the number of these clients. Waits
    /// while too much data is queued for delivery. Only published data, and data sent by tag, is counted.
    ///
    /// # Errors
    ///
    /// [`TaggedError`]. In that case no client gets the message.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all of these clients get the message or none does.
    pub async fn send_tagged_text(
        &self,
        resource: &str,
        tag: &str,
        message: &str,
    ) -> Result<usize, TaggedError> {
        self.send_tagged(resource, tag, || SharedMessage::text(message)).await
    }

    /// Sends a binary message to all clients of a resource that have this tag. Returns the number of these clients.
    /// Waits while too much data is queued for delivery. Only published data, and data sent by tag, is counted.
    ///
    /// # Errors
    ///
    /// [`TaggedError`]. In that case no client gets the message.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all of these clients get the message or none does.
    pub async fn send_tagged_binary(
        &self,
        resource: &str,
        tag: &str,
        message: &[u8],
    ) -> Result<usize, TaggedError> {
        self.send_tagged(resource, tag, || SharedMessage::binary(message)).await
    }

    /// Closes all clients of a resource that have this tag. Each client is first sent everything that is already queued
    /// for it. Returns the number of these clients.
    ///
    /// # Errors
    ///
    /// [`TaggedError`]. In that case no client is closed.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all of these clients are closed or none is.
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
