//! Topics: names under which clients hear what is published, on all instances of the resource.

use crate::bindings::ws_host::socket::topics as host;
use crate::words::errors;
use crate::{Client, Message, SendOptions};

impl Client {
    /// Lets it hear what is published to a topic. Twice is as good as once.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]; it was not subscribed then.
    pub fn subscribe(self, topic: impl AsRef<str>) -> Result<(), SubscribeError> {
        Ok(host::subscribe(self.id(), topic.as_ref())?)
    }

    /// Answers whether it was subscribed. A client that closes is unsubscribed without a word.
    pub fn unsubscribe(self, topic: impl AsRef<str>) -> bool {
        host::unsubscribe(self.id(), topic.as_ref())
    }

    /// Takes back all its subscriptions. Answers how many there were.
    pub fn unsubscribe_all(self) -> u32 {
        host::unsubscribe_all(self.id())
    }

    /// The topics to which it is subscribed, in alphabetical order.
    pub fn topics(self) -> Vec<String> {
        host::topics_of(self.id())
    }
}

/// How many clients of this host are subscribed to a topic.
pub fn subscribers(topic: impl AsRef<str>) -> u32 {
    host::subscribers(topic.as_ref())
}

/// Sends a message to all subscribers of a topic; it is framed once. Not all have it when this returns.
///
/// # Errors
///
/// [`PublishError`]; nobody gets it then.
pub fn publish<'a>(
    topic: impl AsRef<str>,
    message: impl Into<Message<'a>>,
) -> Result<(), PublishError> {
    Ok(host::publish(topic.as_ref(), message.into().into(), None)?)
}

/// Sends a message to all subscribers of a topic in a way of yours, but to those whom the options
/// [except](SendOptions::except).
///
/// # Errors
///
/// [`PublishError`]; nobody gets it then.
pub fn publish_with<'a>(
    topic: impl AsRef<str>,
    message: impl Into<Message<'a>>,
    options: &SendOptions,
) -> Result<(), PublishError> {
    Ok(host::publish(topic.as_ref(), message.into().into(), Some(options.host()))?)
}

errors! {
    /// Why a client was not subscribed.
    SubscribeError {
        /// The client is closed, or not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The name of the topic is empty or has more than 255 octets.
        InvalidTopic = "invalid-topic", "the name of a topic has 1 to 255 octets";
        /// The client has 128 subscriptions already.
        TooMany = "too-many", "the client has 128 subscriptions already";
    }
}

errors! {
    /// Why a message was not published.
    PublishError {
        /// The name of the topic is empty or has more than 255 octets.
        InvalidTopic = "invalid-topic", "the name of a topic has 1 to 255 octets";
        /// There are more than 1,000 [`SendOptions`].
        TooManyOptions = "too-many-options", "there are more than 1,000 send options";
    }
}
