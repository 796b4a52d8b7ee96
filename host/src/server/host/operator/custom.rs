//! Custom messages: messages to handlers from the admin address or an embedding program.

use std::sync::Arc;

use tokio::time::Instant;

use crate::clients::ClientId;
use crate::cluster::{Located, Owner};
use crate::config::UniqueIn;
use crate::guest::{CustomInfo, HandlerReply};
use crate::ownership::Ownership;
use crate::pattern::normalized;
use crate::resource::{NoTarget, Target};
use crate::server::host::resources::{NoResource, ServedResource};
use crate::server::host::{Host, HostState, placing};

/// The maximum length of a message's kind and of its sender, in bytes. They are limited because every instance that
/// gets the message holds both in addition to the content.
const MAX_INFO_LENGTH: usize = 255;

/// A custom message, for handlers that export `custom-listener`.
///
/// ```
/// use ws_host::CustomMessage;
///
/// let message = CustomMessage::from(r#"{"rate": 2}"#).kind("application/json").sender("billing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomMessage<'a> {
    bytes: &'a [u8],
    kind: Option<&'a str>,
    sender: Option<&'a str>,
}

/// The instances of a resource that get a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipient {
    /// All instances of the resource.
    All,
    /// The instance of this path. The resource must have one instance per path. The path is normalized. The instance is
    /// started if it is not running.
    Path(String),
    /// The instance that serves the client with this number.
    Client(u64),
}

/// The reason why a message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomError {
    /// There is no such resource.
    #[error(transparent)]
    NoResource(#[from] NoResource),
    /// The resource does not have one instance per path.
    #[error("only a resource with instance-per = \"path\" takes messages for a path")]
    NotPerPath,
    /// No such client is connected.
    #[error("no client with this number is connected")]
    NoClient,
    /// There is no room for the instance.
    #[error("the limit on instances is reached")]
    NoRoom,
    /// The instance is unique in the cluster, and this host is not its owner.
    #[error("{0}")]
    NoOwner(String),
    /// The resource is stopping, and the instance is not running.
    #[error(
        "the resource is stopping, so no instance can start: send the message again when the \
         resource is served again"
    )]
    Stopping,
    /// The kind of the message is too long.
    #[error("the kind of a message must be at most 255 bytes long")]
    KindTooLong,
    /// The sender of the message is too long.
    #[error("the name of a message's sender must be at most 255 bytes long")]
    SenderTooLong,
}

/// An instance's reply to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CustomReply {
    /// The handler's reply.
    Given(Vec<u8>),
    /// The handler refused the message, for this reason.
    Refused(String),
    /// The component does not export `custom-listener`.
    NoListener,
    /// The handler failed. The log says why.
    Failed,
}

impl Host {
    /// Sends a message to instances of a resource, and returns their replies. Each instance handles the message as an
    /// event, after the events that were queued earlier.
    ///
    /// # Errors
    ///
    /// [`CustomError`]. In that case no instance got the message.
    ///
    /// # Cancel safety
    ///
    /// Once the message is in the queue, it is delivered even if the future is dropped. The queue has room for 65,536
    /// deliveries. A message counts as one delivery for each instance that gets it.
    pub async fn send_custom(
        &self,
        resource: &str,
        to: Recipient,
        message: impl Into<CustomMessage<'_>>,
    ) -> Result<Vec<CustomReply>, CustomError> {
        let message = message.into();
        let info = message.info()?;
        let served = self.named(resource)?;
        let target = match to {
            Recipient::All => Target::All,
            Recipient::Path(path) => {
                let path = normalized(&path).into_owned();
                let ownership = ownership(&self.state, &served, &path).await?;
                Target::Path(path, ownership)
            }
            Recipient::Client(id) => Target::Client(ClientId(id)),
        };
        let replies = served.resource().receive_custom(target, message.bytes(), info).await?;
        let to_reply = |reply| match reply {
            Ok(HandlerReply::Given(reply)) => CustomReply::Given(reply),
            Ok(HandlerReply::Refused(why)) => CustomReply::Refused(why),
            Ok(HandlerReply::NoListener) => CustomReply::NoListener,
            Err(_) => CustomReply::Failed,
        };
        Ok(replies.into_iter().map(to_reply).collect())
    }
}

impl<'a> CustomMessage<'a> {
    /// Creates a message with neither a kind nor a sender.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, kind: None, sender: None }
    }

    /// Sets the kind of the message, for example a media type: at most 255 bytes. The handler can ask for it.
    pub fn kind(self, kind: &'a str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Sets the sender of the message, for example the name of this program: at most 255 bytes. The handler can ask
    /// for it.
    pub fn sender(self, sender: &'a str) -> Self {
        Self { sender: Some(sender), ..self }
    }

    pub(in crate::server) fn bytes(&self) -> Arc<[u8]> {
        self.bytes.into()
    }

    pub(in crate::server) fn info(&self) -> Result<CustomInfo, CustomError> {
        let bounded = |word: Option<&str>, too_long| match word {
            Some(word) if word.len() > MAX_INFO_LENGTH => Err(too_long),
            word => Ok(word.map(Arc::from)),
        };
        Ok(CustomInfo {
            kind: bounded(self.kind, CustomError::KindTooLong)?,
            sender: bounded(self.sender, CustomError::SenderTooLong)?,
        })
    }
}

/// Accepts anything that can be read as bytes: a slice, a vector, a string.
impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for CustomMessage<'a> {
    fn from(bytes: &'a T) -> Self {
        Self::new(bytes.as_ref())
    }
}

/// Acquires the right to run the actor of a path, if the path is unique in the cluster.
async fn ownership(
    state: &HostState,
    served: &ServedResource,
    path: &str,
) -> Result<Option<Arc<dyn Ownership>>, CustomError> {
    if served.settings().unique_in == UniqueIn::Host {
        return Ok(None);
    }
    let deadline = Instant::now() + state.config().timeouts.handshake;
    match placing::locate(state, served, path, deadline).await {
        Ok(Located::Here(ownership)) => Ok(Some(ownership)),
        Ok(Located::There(Owner { host, .. })) => {
            let why = format!(
                "the instance is on the host {host}: send the message to the admin address of that host"
            );
            Err(CustomError::NoOwner(why))
        }
        Err(why) => Err(CustomError::NoOwner(why.to_string())),
    }
}

impl From<NoTarget> for CustomError {
    fn from(error: NoTarget) -> Self {
        match error {
            NoTarget::NotPerPath => Self::NotPerPath,
            NoTarget::NoClient => Self::NoClient,
            NoTarget::NoRoom => Self::NoRoom,
            NoTarget::Stopped => Self::Stopping,
            NoTarget::NotOwner => {
                Self::NoOwner("this host is no longer the owner of the instance".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_sender_have_at_most_255_bytes() {
        let (fits, too_long) = ("x".repeat(255), "x".repeat(256));
        let info = CustomMessage::from("").kind(&fits).sender(&fits).info().expect("both fit");
        let fits = Some(Arc::from(fits));
        assert_eq!((&info.kind, &info.sender), (&fits, &fits));
        let wrong = CustomMessage::from("").kind(&too_long).info();
        assert_eq!(wrong, Err(CustomError::KindTooLong));
        let wrong = CustomMessage::from("").sender(&too_long).info();
        assert_eq!(wrong, Err(CustomError::SenderTooLong));
        assert_eq!(CustomMessage::from(b"a").info(), Ok(CustomInfo::default()));
    }
}
