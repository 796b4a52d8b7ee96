//! Topics: publish and subscribe within a resource, across all its instances.

use crate::sys::{param, topics as host};
use crate::words::errors;
use crate::{Client, Message, SendOptions};

impl Client {
    /// Subscribes the client to a topic. The client gets every message that is published from now on. A second
    /// subscription to the same topic changes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`SubscribeError`] if the client was not subscribed.
    pub fn subscribe(self, topic: impl AsRef<str>) -> Result<(), SubscribeError> {
        Ok(host::subscribe(self.id(), topic.as_ref())?)
    }

    /// Unsubscribes the client. Returns whether it was subscribed. A client that closes is unsubscribed automatically.
    pub fn unsubscribe(self, topic: impl AsRef<str>) -> bool {
        host::unsubscribe(self.id(), topic.as_ref())
    }

    /// Removes all subscriptions of the client. Returns how many there were.
    pub fn unsubscribe_all(self) -> u32 {
        host::unsubscribe_all(self.id())
    }

    /// Returns the topics to which the client is subscribed, in alphabetical order.
    pub fn topics(self) -> Vec<String> {
        host::topics_of(self.id())
    }
}

/// Returns how many clients of the resource on this host are subscribed to the topic.
pub fn subscribers(topic: impl AsRef<str>) -> u32 {
    host::subscribers(topic.as_ref())
}

/// Sends a message to all subscribers of the topic. The message is framed only once. This function may return before
/// all subscribers have the message.
///
/// # Errors
///
/// Returns [`PublishError`] if the name of the topic is invalid. It is not an error if there are no subscribers.
pub fn publish<'a>(
    topic: impl AsRef<str>,
    message: impl Into<Message<'a>>,
) -> Result<(), PublishError> {
    Ok(host::publish(topic.as_ref(), param(message.into()), None)?)
}

/// Sends a message with options to all subscribers of the topic. Clients that [`except`](SendOptions::except) excludes
/// do not get the message.
///
/// # Errors
///
/// Returns [`PublishError`] if the host rejects the name of the topic or the options. It is not an error if there are
/// no subscribers.
pub fn publish_with<'a>(
    topic: impl AsRef<str>,
    message: impl Into<Message<'a>>,
    options: &SendOptions,
) -> Result<(), PublishError> {
    Ok(host::publish(topic.as_ref(), param(message.into()), Some(options.host()))?)
}

errors! {
    /// Why a client was not subscribed.
    SubscribeError {
        /// The client is closing or closed, or is not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The name of the topic is empty or has more than 255 bytes.
        InvalidTopic = "invalid-topic", "the name of a topic must have 1 to 255 bytes";
        /// The client already has 128 subscriptions.
        TooMany = "too-many", "the client already has 128 subscriptions";
    }
}

errors! {
    /// Why a message was not published.
    PublishError {
        /// The name of the topic is empty or has more than 255 bytes.
        InvalidTopic = "invalid-topic", "the name of a topic must have 1 to 255 bytes";
        /// There are more than 1,000 [`SendOptions`].
        TooManyOptions = "too-many-options", "there are more than 1,000 send options";
    }
}
