//! Tags: names under which clients can be found.

use crate::message::clients_of;
use crate::sys::{param, tags as host};
use crate::words::errors;
use crate::{Client, CloseCode, Message, SendOptions};

impl Client {
    /// Gives the client a tag, such as `user:42`. A tag that the client already has is not added again. A client that
    /// closes loses its tags.
    ///
    /// # Errors
    ///
    /// Returns [`TagError`] if the client did not get the tag.
    pub fn tag(self, tag: impl AsRef<str>) -> Result<(), TagError> {
        Ok(host::tag(self.id(), tag.as_ref())?)
    }

    /// Removes the tag from the client. Returns whether the client had it.
    pub fn untag(self, tag: impl AsRef<str>) -> bool {
        host::untag(self.id(), tag.as_ref())
    }

    /// Returns the client's tags, in alphabetical order.
    pub fn tags(self) -> Vec<String> {
        host::tags_of(self.id())
    }
}

/// Returns the open clients of this instance that have the tag, in the order in which they connected.
pub fn tagged(tag: impl AsRef<str>) -> Vec<Client> {
    clients_of(host::clients_of(tag.as_ref()))
}

/// Sends a message to all clients of the resource that have the tag, including those of other instances. This
/// function may return before all clients have the message.
///
/// # Errors
///
/// Returns [`TaggedError`] if the tag is invalid. It is not an error if no client has the tag.
pub fn send_tagged<'a>(
    tag: impl AsRef<str>,
    message: impl Into<Message<'a>>,
) -> Result<(), TaggedError> {
    Ok(host::send_tagged(tag.as_ref(), param(message.into()), None)?)
}

/// Sends a message with options. Apart from that, does the same as [`send_tagged`]. Clients that
/// [`except`](SendOptions::except) excludes do not get the message.
///
/// # Errors
///
/// Returns [`TaggedError`] if the host rejects the tag or the options. It is not an error if no client has the tag.
pub fn send_tagged_with<'a>(
    tag: impl AsRef<str>,
    message: impl Into<Message<'a>>,
    options: &SendOptions,
) -> Result<(), TaggedError> {
    Ok(host::send_tagged(tag.as_ref(), param(message.into()), Some(options.host()))?)
}

/// Closes all clients of the resource that have the tag, including those of other instances.
///
/// # Errors
///
/// Returns [`TaggedError`] if the tag, the code or the reason is invalid. It is not an error if no client has the tag.
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
        /// The client is closing or closed, or is not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The tag is empty or has more than 255 bytes.
        InvalidTag = "invalid-tag", "a tag must have 1 to 255 bytes";
        /// The client already has 32 tags.
        TooMany = "too-many", "the client already has 32 tags";
    }
}

errors! {
    /// Why no message was sent to the clients that have a tag, or why none of these clients was closed.
    TaggedError {
        /// The tag is empty or has more than 255 bytes.
        InvalidTag = "invalid-tag", "a tag must have 1 to 255 bytes";
        /// The code may not be sent: 1005, 1006, 1015 or an unassigned one.
        InvalidCode = "invalid-code", "the close code must not be sent: 1000 to 1003, 1007 to \
                                       1014 and 3000 to 4999 are allowed";
        /// The reason has more than 123 bytes of UTF-8.
        ReasonTooLong = "reason-too-long", "the close reason has more than 123 bytes";
        /// There are more than 1,000 [`SendOptions`].
        TooManyOptions = "too-many-options", "there are more than 1,000 send options";
    }
}
