//! Clients and the operations on them.

use std::fmt;

use crate::message::clients_of;
use crate::sys::{clients as host, param};
use crate::words::errors;
use crate::{CloseCode, CloseError, Message, Request, SendOptions};

/// A client: one WebSocket connection, identified by a number.
///
/// A `Client` can be copied, stored and compared. With the feature `serde`, it can be saved as its number. A `Client`
/// stays valid until `disconnected` has returned. Its number is never used for another client, not even after a restart
/// of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Client(u64);

impl Client {
    /// Returns the client with this number.
    pub const fn from_id(id: u64) -> Self {
        Self(id)
    }

    /// Returns the client's number. It is below 2^53, so that it is exact in every language.
    pub const fn id(self) -> u64 {
        self.0
    }

    /// Sends a text message. Never waits.
    ///
    /// # Errors
    ///
    /// Returns [`SendError`] if the message was not sent.
    pub fn send_text(self, message: impl AsRef<str>) -> Result<(), SendError> {
        Ok(host::send_text(self.0, message.as_ref())?)
    }

    /// Sends a binary message. Never waits.
    ///
    /// # Errors
    ///
    /// Returns [`SendError`] if the message was not sent.
    pub fn send_binary(self, message: impl AsRef<[u8]>) -> Result<(), SendError> {
        Ok(host::send_binary(self.0, message.as_ref())?)
    }

    /// Sends anything that can be displayed, as a text message.
    ///
    /// # Errors
    ///
    /// Returns [`SendError`] if the message was not sent.
    pub fn send_display(self, message: impl fmt::Display) -> Result<(), SendError> {
        self.send_text(message.to_string())
    }

    /// Sends a message with options.
    ///
    /// # Errors
    ///
    /// Returns [`SendError`] if the message was not sent.
    pub fn send<'a>(
        self,
        message: impl Into<Message<'a>>,
        options: &SendOptions,
    ) -> Result<(), SendError> {
        Ok(host::send(self.0, param(message.into()), Some(options.host()))?)
    }

    /// Sends a ping with a payload of at most 125 bytes. The answer arrives in
    /// [`received_pong`](crate::Handler::received_pong).
    ///
    /// # Errors
    ///
    /// Returns [`SendError`] if the message was not sent.
    pub fn ping(self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        Ok(host::ping(self.0, payload.as_ref())?)
    }

    /// Sends an unsolicited pong (RFC 6455 §5.5.3) with a payload of at most 125 bytes. The host itself answers the
    /// client's pings.
    ///
    /// # Errors
    ///
    /// Returns [`SendError`] if the message was not sent.
    pub fn pong(self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        Ok(host::pong(self.0, payload.as_ref())?)
    }

    /// Starts the closing handshake. The close frame follows everything that was sent earlier. The only event of the
    /// client that can still arrive is [`disconnected`](crate::Handler::disconnected).
    ///
    /// # Errors
    ///
    /// Returns [`CloseError`] if the client was not closed.
    pub fn close(self, code: CloseCode, reason: impl AsRef<str>) -> Result<(), CloseError> {
        Ok(host::close(self.0, code.into(), reason.as_ref())?)
    }

    /// Drops the connection without a closing handshake, and discards the output that waits to be written.
    /// Returns whether there was a connection to drop.
    pub fn abort(self) -> bool {
        host::abort(self.0)
    }

    /// Returns how many bytes wait in the host to be written to this client. Returns `None` if the client is closed.
    pub fn buffered(self) -> Option<u64> {
        host::buffered(self.0)
    }

    /// Returns the request with which the client connected. The request is available until `disconnected` has returned.
    pub const fn request(self) -> Request {
        Request::of(self)
    }

    /// Stores up to 16 KiB with the client in the host, and replaces the previous attachment. The attachment outlives a
    /// reload, a trap and hibernation. It is dropped after `disconnected` has returned.
    ///
    /// # Errors
    ///
    /// Returns [`AttachmentError`] if nothing was stored. In that case, the client keeps its previous attachment.
    pub fn attach(self, attachment: impl AsRef<[u8]>) -> Result<(), AttachmentError> {
        Ok(host::attach(self.0, attachment.as_ref())?)
    }

    /// Returns what [`attach`](Self::attach) stored. Returns `None` if nothing was stored or the client is gone.
    pub fn attachment(self) -> Option<Vec<u8>> {
        host::attachment(self.0)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.0)
    }
}

/// Returns the open clients of this instance, in the order in which they connected.
pub fn clients() -> Vec<Client> {
    clients_of(host::connected_clients())
}

errors! {
    /// Why a message was not sent. No part of it was sent.
    SendError {
        /// The client is closing or closed, or is not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The client has not yet read earlier messages, or the host has no memory left for waiting output
        /// (`max-buffered`). [`Drained`](crate::Drained) is called when there is room again.
        Full = "full", "the client's outbound buffer is full";
        /// The message is longer than the whole outbound buffer, or is a ping or pong of more than 125 bytes.
        TooLong = "too-long", "the message is too long to be sent at all";
        /// The client speaks a draft of the protocol without binary messages, pings and pongs.
        Unsupported = "unsupported", "the client's draft of the protocol has no such messages";
        /// There are more than 1,000 [`SendOptions`].
        TooManyOptions = "too-many-options", "there are more than 1,000 send options";
    }
}

errors! {
    /// Why nothing was attached to a client. The client keeps its previous attachment.
    AttachmentError {
        /// The client is closed, or is not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The attachment is longer than 16 KiB.
        TooLong = "too-long", "an attachment is limited to 16 KiB";
    }
}
