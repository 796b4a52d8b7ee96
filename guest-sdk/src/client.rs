//! Clients, and what can be done with them.

use std::fmt;

use crate::bindings::ws_host::socket::clients as host;
use crate::{AttachmentError, CloseCode, CloseError, Form, Request, SendError};

/// A client: one WebSocket connection, by its number.
///
/// Copy it, keep it, compare it. It stays valid until `disconnected` and is never used for another
/// client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(u64);

impl Client {
    /// The client with this number.
    pub fn from_id(id: u64) -> Self {
        Self(id)
    }

    /// Its number.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Sends a text message. Never waits.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_text(self, message: &str) -> Result<(), SendError> {
        Ok(host::send_text(self.0, message)?)
    }

    /// Sends a binary message. Never waits.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_binary(self, message: &[u8]) -> Result<(), SendError> {
        Ok(host::send_binary(self.0, message)?)
    }

    /// Sends anything that can be displayed, as a text message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_display(self, message: impl fmt::Display) -> Result<(), SendError> {
        self.send_text(&message.to_string())
    }

    /// Sends a text message in frames of at most so many octets (RFC 6455 §5.4). The client gets it
    /// whole.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then. [`InvalidFrameSize`](SendError::InvalidFrameSize) for 0.
    pub fn send_text_in_frames(self, message: &str, frame_size: u32) -> Result<(), SendError> {
        self.send_text_with(message, Form { frame_size: Some(frame_size), ..Form::default() })
    }

    /// Sends a binary message in frames of at most so many octets. The client gets it whole.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then. [`InvalidFrameSize`](SendError::InvalidFrameSize) for 0.
    pub fn send_binary_in_frames(self, message: &[u8], frame_size: u32) -> Result<(), SendError> {
        self.send_binary_with(message, Form { frame_size: Some(frame_size), ..Form::default() })
    }

    /// Sends a text message in this form: `client.send_text_with(key, Compression::Never)`.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_text_with(self, message: &str, form: impl Into<Form>) -> Result<(), SendError> {
        Ok(host::send_text_with(self.0, message, form.into().into())?)
    }

    /// Sends a binary message in this form.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send_binary_with(self, message: &[u8], form: impl Into<Form>) -> Result<(), SendError> {
        Ok(host::send_binary_with(self.0, message, form.into().into())?)
    }

    /// Sends a ping with at most 125 octets; the answer arrives at
    /// [`received_pong`](crate::Handler::received_pong).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn ping(self, payload: &[u8]) -> Result<(), SendError> {
        Ok(host::ping(self.0, payload)?)
    }

    /// Sends a pong that nobody asked for, with at most 125 octets (RFC 6455 §5.5.3). Pings are
    /// answered by the host.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn pong(self, payload: &[u8]) -> Result<(), SendError> {
        Ok(host::pong(self.0, payload)?)
    }

    /// Closes behind all that was sent. Nothing of the client arrives any more but
    /// [`disconnected`](crate::Handler::disconnected).
    ///
    /// # Errors
    ///
    /// [`CloseError`]; nothing was closed then.
    pub fn close(self, code: CloseCode, reason: &str) -> Result<(), CloseError> {
        Ok(host::close(self.0, code.into(), reason)?)
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

    /// The request with which it connected; `None` if it is closed.
    pub fn request(self) -> Option<Request> {
        host::describe(self.0).map(Request::from)
    }

    /// Keeps up to 16 KiB in the host beside the connection, in place of what was kept there before:
    /// over a reload, a trap and hibernation, until the client is gone.
    ///
    /// # Errors
    ///
    /// [`AttachmentError`]; what was kept before is still there then.
    pub fn attach(self, attachment: &[u8]) -> Result<(), AttachmentError> {
        Ok(host::attach(self.0, attachment)?)
    }

    /// What was attached; `None` if nothing was, or it is closed.
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
    host::connected_clients().into_iter().map(Client).collect()
}

/// Sends one text message to many; it is framed once. Answers how many accepted it.
pub fn broadcast_text(to: impl IntoIterator<Item = Client>, message: &str) -> u32 {
    host::broadcast_text(&ids(to), message)
}

/// Sends one binary message to many; it is framed once. Answers how many accepted it.
pub fn broadcast_binary(to: impl IntoIterator<Item = Client>, message: &[u8]) -> u32 {
    host::broadcast_binary(&ids(to), message)
}

/// Sends one text message to many in this form. Answers how many accepted it.
pub fn broadcast_text_with(
    to: impl IntoIterator<Item = Client>,
    message: &str,
    form: impl Into<Form>,
) -> u32 {
    host::broadcast_text_with(&ids(to), message, form.into().into())
}

/// Sends one binary message to many in this form. Answers how many accepted it.
pub fn broadcast_binary_with(
    to: impl IntoIterator<Item = Client>,
    message: &[u8],
    form: impl Into<Form>,
) -> u32 {
    host::broadcast_binary_with(&ids(to), message, form.into().into())
}

fn ids(clients: impl IntoIterator<Item = Client>) -> Vec<u64> {
    clients.into_iter().map(Client::id).collect()
}
