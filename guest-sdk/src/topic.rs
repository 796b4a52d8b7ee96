//! Topics: names under which clients hear what is published, on all instances of the resource.

use std::fmt;

use crate::bindings::ws_host::socket::{topics as host, types};
use crate::{Client, Form};

impl Client {
    /// Lets it hear what is published to a topic. Twice is as good as once.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]; it was not subscribed then.
    pub fn subscribe(self, topic: &str) -> Result<(), SubscribeError> {
        Ok(host::subscribe(self.id(), topic)?)
    }

    /// Answers whether it was subscribed. A client that closes is unsubscribed without a word.
    pub fn unsubscribe(self, topic: &str) -> bool {
        host::unsubscribe(self.id(), topic)
    }
}

/// Sends a text message to all subscribers of a topic; it is framed once. Answers to how many
/// it goes.
pub fn publish_text(topic: &str, message: &str) -> u32 {
    host::publish_text(topic, message, None)
}

/// Sends a text message to all subscribers of a topic but one, who need not be among them.
pub fn publish_text_apart_from(client: Client, topic: &str, message: &str) -> u32 {
    host::publish_text(topic, message, Some(client.id()))
}

/// Sends a binary message to all subscribers of a topic; it is framed once. Answers to how many
/// it goes.
pub fn publish_binary(topic: &str, message: &[u8]) -> u32 {
    host::publish_binary(topic, message, None)
}

/// Sends a binary message to all subscribers of a topic but one, who need not be among them.
pub fn publish_binary_apart_from(client: Client, topic: &str, message: &[u8]) -> u32 {
    host::publish_binary(topic, message, Some(client.id()))
}

/// Sends a text message in this form to all subscribers of a topic, but one perhaps. Answers to how
/// many it goes.
pub fn publish_text_with(
    topic: &str,
    message: &str,
    apart_from: Option<Client>,
    form: impl Into<Form>,
) -> u32 {
    host::publish_text_with(topic, message, apart_from.map(Client::id), form.into().into())
}

/// Sends a binary message in this form to all subscribers of a topic, but one perhaps. Answers to how
/// many it goes.
pub fn publish_binary_with(
    topic: &str,
    message: &[u8],
    apart_from: Option<Client>,
    form: impl Into<Form>,
) -> u32 {
    host::publish_binary_with(topic, message, apart_from.map(Client::id), form.into().into())
}

/// Why a client was not subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The client is closed, or not a client of this instance.
    Closed,
    /// The name of the topic is empty or has more than 255 octets.
    InvalidTopic,
    /// The client has 128 subscriptions already.
    TooMany,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the client is closed",
            Self::InvalidTopic => "the name of a topic has 1 to 255 octets",
            Self::TooMany => "the client has 128 subscriptions already",
        })
    }
}

impl std::error::Error for SubscribeError {}

impl From<types::SubscribeError> for SubscribeError {
    fn from(error: types::SubscribeError) -> Self {
        match error {
            types::SubscribeError::Closed => Self::Closed,
            types::SubscribeError::InvalidTopic => Self::InvalidTopic,
            types::SubscribeError::TooMany => Self::TooMany,
        }
    }
}
