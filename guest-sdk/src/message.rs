//! Messages, how they are sent, and sending one to many.

use std::borrow::Borrow;
use std::num::NonZeroU32;

use crate::Client;
use crate::bindings::ws_host::socket::{clients as host, types};
use crate::words::errors;

/// A message, whole: text or octets, borrowed. `&str`, `&String`, `&[u8]`, `&[u8; N]` and `&Vec<u8>` become one by
/// themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Octets.
    Binary(&'a [u8]),
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Self::Binary(octets)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(octets: &'a [u8; N]) -> Self {
        Self::Binary(octets)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(octets: &'a Vec<u8>) -> Self {
        Self::Binary(octets)
    }
}

impl<'a> From<Message<'a>> for types::MessageParam<'a> {
    fn from(message: Message<'a>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(octets) => Self::Binary(octets),
        }
    }
}

/// Whether a message is compressed for clients with which that was agreed, as the configuration lets it
/// be (`--compression`); for others, none is.
///
/// A message that would not become shorter is sent as it is, whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// If it is at least as long as the configuration says (`--compression-threshold`).
    #[default]
    ByLength,
    /// However short it is.
    Always,
    /// Not at all. For what is compressed already, such as pictures. And for a secret beside text of
    /// somebody else's choice: how well the two compress together tells the secret bit by bit.
    Never,
}

/// How messages are sent. Make it once, and use it as often as you like:
///
/// ```no_run
/// # fn f(client: ws_guest::Client) -> Result<(), ws_guest::Error> {
/// use ws_guest::{Compression, SendOptions};
///
/// let secret = SendOptions::new().compression(Compression::Never);
/// client.send("the key", &secret)?;
/// # Ok(())
/// # }
/// ```
///
/// An instance has at most 1,000 at a time; with one more, sending answers `TooManyOptions`.
#[derive(Debug)]
pub struct SendOptions(host::SendOptions);

impl SendOptions {
    /// As messages are sent without options: compressed by length, in one frame, to all.
    pub fn new() -> Self {
        Self(host::SendOptions::new())
    }

    /// Whether messages are compressed.
    pub fn compression(self, compression: Compression) -> Self {
        let word = match compression {
            Compression::ByLength => "by-length",
            Compression::Always => "always",
            Compression::Never => "never",
        };
        // Of these words none is unknown.
        let _ = self.0.set_compression(word);
        self
    }

    /// The longest payload of a frame, in octets (RFC 6455 §5.4). A longer message, as it is after
    /// compression, goes out in fragments. The client gets it whole.
    pub fn max_frame(self, octets: NonZeroU32) -> Self {
        let _ = self.0.set_max_frame(Some(octets.get()));
        self
    }

    /// Clients who do not get what is broadcast or published, in place of those before.
    ///
    /// # Errors
    ///
    /// [`TooManyExceptions`], above 1,000.
    pub fn except<C: Borrow<Client>>(
        self,
        clients: impl IntoIterator<Item = C>,
    ) -> Result<Self, TooManyExceptions> {
        self.0.set_except(&ids(clients))?;
        Ok(self)
    }

    pub(crate) fn host(&self) -> &host::SendOptions {
        &self.0
    }
}

impl Default for SendOptions {
    fn default() -> Self {
        Self::new()
    }
}

errors! {
    /// Why clients were not excepted.
    TooManyExceptions {
        /// More than 1,000.
        TooMany = "too-many", "more than 1,000 clients cannot be excepted";
    }
}

/// Sends one message to many; it is framed once. Answers who missed it: closed, or with a full buffer.
pub fn broadcast<'a, C: Borrow<Client>>(
    to: impl IntoIterator<Item = C>,
    message: impl Into<Message<'a>>,
) -> Vec<Client> {
    clients_of(host::broadcast(&ids(to), message.into().into(), None))
}

/// Sends one message to many in a way of yours. Answers who missed it; those whom the options except do not count.
pub fn broadcast_with<'a, C: Borrow<Client>>(
    to: impl IntoIterator<Item = C>,
    message: impl Into<Message<'a>>,
    options: &SendOptions,
) -> Vec<Client> {
    clients_of(host::broadcast(&ids(to), message.into().into(), Some(options.host())))
}

fn ids<C: Borrow<Client>>(clients: impl IntoIterator<Item = C>) -> Vec<u64> {
    clients.into_iter().map(|client| client.borrow().id()).collect()
}

pub(crate) fn clients_of(ids: Vec<u64>) -> Vec<Client> {
    ids.into_iter().map(Client::from_id).collect()
}
