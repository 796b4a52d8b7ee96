//! Tags: names under which clients are found again.

use crate::bindings::ws_host::socket::tags as host;
use crate::message::clients_of;
use crate::words::errors;
use crate::{Client, CloseCode, Message, SendOptions};

impl Client {
    /// Gives it a tag: `user:42`, say. Twice is as good as once. A client that closes loses its tags.
    ///
    /// # Errors
    ///
    /// [`TagError`]; it has no new tag then.
    pub fn tag(self, tag: impl AsRef<str>) -> Result<(), TagError> {
        Ok(host::tag(self.id(), tag.as_ref())?)
    }

    /// Takes a tag from it. Answers whether it had it.
    pub fn untag(self, tag: impl AsRef<str>) -> bool {
        host::untag(self.id(), tag.as_ref())
    }

    /// Its tags, in alphabetical order.
    pub fn tags(self) -> Vec<String> {
        host::tags_of(self.id())
    }
}

/// The clients of this instance that have the tag, the one first that has been here longest.
pub fn tagged(tag: impl AsRef<str>) -> Vec<Client> {
    clients_of(host::clients_of(tag.as_ref()))
}

/// Sends a message to all clients of the resource that have the tag, also to those of other instances. Not all have it
/// when this returns.
///
/// # Errors
///
/// [`TaggedError`]; nobody gets it then.
pub fn send_tagged<'a>(
    tag: impl AsRef<str>,
    message: impl Into<Message<'a>>,
) -> Result<(), TaggedError> {
    Ok(host::send_tagged(tag.as_ref(), message.into().into(), None)?)
}

/// The same in a way of yours.
///
/// # Errors
///
/// [`TaggedError`]; nobody gets it then.
pub fn send_tagged_with<'a>(
    tag: impl AsRef<str>,
    message: impl Into<Message<'a>>,
    options: &SendOptions,
) -> Result<(), TaggedError> {
    Ok(host::send_tagged(tag.as_ref(), message.into().into(), Some(options.host()))?)
}

/// Closes all clients of the resource that have the tag, also those of other instances.
///
/// # Errors
///
/// [`TaggedError`]; nobody is closed then.
pub fn close_tagged(
    tag: impl AsRef<str>,
    code: CloseCode,
    reason: impl AsRef<str>,
) -> Result<(), TaggedError> {
    Ok(host::close_tagged(tag.as_ref(), code.into(), reason.as_ref())?)
}

errors! {
    /// Why a client was not tagged.
    TagError {
        /// The client is closed, or not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The tag is empty or has more than 255 octets.
        InvalidTag = "invalid-tag", "a tag has 1 to 255 octets";
        /// The client has 32 tags already.
        TooMany = "too-many", "the client has 32 tags already";
    }
}

errors! {
    /// Why nothing was sent to those who have a tag, or nobody of them closed.
    TaggedError {
        /// The tag is empty or has more than 255 octets.
        InvalidTag = "invalid-tag", "a tag has 1 to 255 octets";
        /// The code may not be sent: 1005, 1006, 1015 or an unassigned one.
        InvalidCode = "invalid-code", "the close code may not be sent";
        /// The reason has more than 123 octets of UTF-8.
        ReasonTooLong = "reason-too-long", "the close reason has more than 123 octets";
        /// There are more than 1,000 [`SendOptions`].
        TooManyOptions = "too-many-options", "there are more than 1,000 send options";
    }
}
