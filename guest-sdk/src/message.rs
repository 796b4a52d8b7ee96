//! Messages, options for sending them, and broadcasts.

use std::borrow::Borrow;
use std::num::NonZeroU32;

use crate::Client;
use crate::sys::{SendOptions as HostOptions, clients as host, param};
use crate::words::errors;

/// A complete, borrowed message: text or bytes. `&str`, `&String`, `&[u8]`, `&[u8; N]` and `&Vec<u8>` convert to this
/// type.
///
/// Exhaustive: a WebSocket has these two kinds of messages, and the contract's `message` has no third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
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
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// Which messages are compressed. The choice matters only for clients that agreed to compression. The configuration
/// must allow compression (`--compression`).
///
/// A message that would not become shorter is always sent uncompressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Messages of at least the configured length (`--compression-threshold`).
    #[default]
    ByLength,
    /// All messages, however short.
    Always,
    /// No messages. Use this for data that is already compressed, such as pictures. Also use it for a message that
    /// contains both a secret and text that somebody else has chosen. Otherwise, the compressed length would gradually
    /// reveal the secret.
    Never,
}

/// How messages are sent. The same options can be used for any number of messages:
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
/// An instance can have 1,000 `SendOptions` at a time. Sending with options beyond this limit returns `TooManyOptions`.
#[derive(Debug)]
pub struct SendOptions(HostOptions);

impl SendOptions {
    /// Creates options with the defaults: compression by length, one frame for each message, and no excluded clients.
    pub fn new() -> Self {
        Self(HostOptions::new())
    }

    /// Sets which messages are compressed.
    pub fn compression(self, compression: Compression) -> Self {
        let word = match compression {
            Compression::ByLength => "by-length",
            Compression::Always => "always",
            Compression::Never => "never",
        };
        // This fails only for an unknown word, but the host knows all of these words.
        let _ = self.0.set_compression(word);
        self
    }

    /// Sets the maximum size of a frame's payload, in bytes (RFC 6455 §5.4). A message that exceeds this size, after
    /// any compression, is sent in fragments. The client still receives one message.
    pub fn max_frame(self, bytes: NonZeroU32) -> Self {
        // This fails only for 0.
        let _ = self.0.set_max_frame(Some(bytes.get()));
        self
    }

    /// Sets which clients do not get messages that are broadcast, published or sent by tag. This replaces an earlier
    /// list.
    ///
    /// # Errors
    ///
    /// Returns [`TooManyExceptions`] for more than 1,000 clients.
    pub fn except<C: Borrow<Client>>(
        self,
        clients: impl IntoIterator<Item = C>,
    ) -> Result<Self, TooManyExceptions> {
        self.0.set_except(&ids(clients))?;
        Ok(self)
    }

    pub(crate) fn host(&self) -> &HostOptions {
        &self.0
    }
}

impl Default for SendOptions {
    fn default() -> Self {
        Self::new()
    }
}

errors! {
    /// Why clients were not excluded.
    TooManyExceptions {
        /// There are more than 1,000 clients.
        TooMany = "too-many", "at most 1,000 clients can be excluded";
    }
}

/// Sends one message to many clients. The message is framed only once. Returns the clients that did not get the
/// message, because they are closed or have a full outbound buffer.
pub fn broadcast<'a, C: Borrow<Client>>(
    to: impl IntoIterator<Item = C>,
    message: impl Into<Message<'a>>,
) -> Vec<Client> {
    clients_of(host::broadcast(&ids(to), param(message.into()), None))
}

/// Sends one message to many clients with options. Returns the clients that did not get the message. Clients that
/// [`except`](SendOptions::except) excludes are not returned.
pub fn broadcast_with<'a, C: Borrow<Client>>(
    to: impl IntoIterator<Item = C>,
    message: impl Into<Message<'a>>,
    options: &SendOptions,
) -> Vec<Client> {
    clients_of(host::broadcast(&ids(to), param(message.into()), Some(options.host())))
}

fn ids<C: Borrow<Client>>(clients: impl IntoIterator<Item = C>) -> Vec<u64> {
    clients.into_iter().map(|client| client.borrow().id()).collect()
}

pub(crate) fn clients_of(ids: Vec<u64>) -> Vec<Client> {
    ids.into_iter().map(Client::from_id).collect()
}
