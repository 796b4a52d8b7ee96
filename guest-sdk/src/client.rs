//! Clients, and what can be done with them.

use std::fmt;

use crate::bindings::ws_host::socket::clients as host;
use crate::message::clients_of;
use crate::words::errors;
use crate::{CloseCode, CloseError, Message, Request, SendOptions};

/// A client: one WebSocket connection, by its number.
///
/// Copy it, keep it, compare it, save it (feature `serde`: as its number). It stays valid until `disconnected` and is
/// never used for another client, also not after a restart of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Client(u64);

impl Client {
    /// The client with this number.
    pub const fn from_id(id: u64) -> Self {
        Self(id)
    }

    /// Its number: below 2^53, so that it is exact in every language.
    pub const fn id(self) -> u64 {
        self.0
    }

    /// Sends a text message. Never waits.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_text(self, message: impl AsRef<str>) -> Result<(), SendError> {
        Ok(host::send_text(self.0, message.as_ref())?)
    }

    /// Sends a binary message. Never waits.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_binary(self, message: impl AsRef<[u8]>) -> Result<(), SendError> {
        Ok(host::send_binary(self.0, message.as_ref())?)
    }

    /// Sends anything that can be displayed, as a text message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_display(self, message: impl fmt::Display) -> Result<(), SendError> {
        self.send_text(message.to_string())
    }

    /// Sends a message in a way of yours.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send<'a>(
        self,
        message: impl Into<Message<'a>>,
        options: &SendOptions,
    ) -> Result<(), SendError> {
        Ok(host::send(self.0, message.into().into(), Some(options.host()))?)
    }

    /// Sends a ping with at most 125 octets; the answer arrives at
    /// [`received_pong`](crate::Handler::received_pong).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn ping(self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        Ok(host::ping(self.0, payload.as_ref())?)
    }

    /// Sends a pong that nobody asked for, with at most 125 octets (RFC 6455 §5.5.3). Pings are
    /// answered by the host.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn pong(self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        Ok(host::pong(self.0, payload.as_ref())?)
    }

    /// Closes behind all that was sent. Nothing of the client arrives any more but
    /// [`disconnected`](crate::Handler::disconnected).
    ///
    /// # Errors
    ///
    /// [`CloseError`]; nothing was closed then.
    pub fn close(self, code: CloseCode, reason: impl AsRef<str>) -> Result<(), CloseError> {
        Ok(host::close(self.0, code.into(), reason.as_ref())?)
    }

    /// Drops the connection without a closing handshake, and what waits to be written with it.
    /// Answers whether there was one.
    pub fn abort(self) -> bool {
        host::abort(self.0)
    }

    /// Octets that wait in the host to be written to this client; `None` if it is closed.
    pub fn buffered(self) -> Option<u64> {
        host::buffered(self.0)
    }

    /// The request with which it connected, to be asked for the client's whole life.
    pub const fn request(self) -> Request {
        Request::of(self)
    }

    /// Keeps up to 16 KiB in the host beside the connection, in place of what was kept there before:
    /// over a reload, a trap and hibernation, until the client is gone.
    ///
    /// # Errors
    ///
    /// [`AttachmentError`]; what was kept before is still there then.
    pub fn attach(self, attachment: impl AsRef<[u8]>) -> Result<(), AttachmentError> {
        Ok(host::attach(self.0, attachment.as_ref())?)
    }

    /// What was attached; `None` if nothing was, or it is gone.
    pub fn attachment(self) -> Option<Vec<u8>> {
        host::attachment(self.0)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.0)
    }
}

/// The clients of this instance that are open, the one first that has been here longest.
pub fn clients() -> Vec<Client> {
    clients_of(host::connected_clients())
}

errors! {
    /// Why a message was not sent. Nothing of it was.
    SendError {
        /// The client is closing, closed, or not a client of this instance.
        Closed = "closed", "the client is closed";
        /// The client has not yet read what was sent before; [`Drained`](crate::Drained) tells when it has.
        Full = "full", "the client's outbound buffer is full";
        /// It is longer than the whole outbound buffer, or a ping of more than 125 octets.
        TooLong = "too-long", "the message is too long to be sent at all";
        /// The client speaks a draft of the protocol without binary messages and pings.
        Unsupported = "unsupported", "the client's draft of the protocol has no such messages";
        /// There are more than 1,000 [`SendOptions`].
        TooManyOptions = "too-many-options", "there are more than 1,000 send options";
    }
}

errors! {
    /// Why nothing was attached to a client. What was there before is still there.
    AttachmentError {
        /// The client is closed, or not a client of this instance.
        Closed = "closed", "the client is closed";
        /// More than 16 KiB.
        TooLong = "too-long", "an attachment has 16 KiB at most";
    }
}
