//! Letting a client in, or turning it away.

use std::fmt;

use crate::bindings::ws_host::socket::handshake as host;
use crate::words::errors;
use crate::{Client, Error, Request};

/// A handshake that is to be answered: what is asked for, and what the answer is given with.
#[derive(Debug)]
pub struct Handshake(Client);

impl Handshake {
    pub(crate) fn of(client: Client) -> Self {
        Self(client)
    }

    /// What is asked for.
    pub fn request(&self) -> Request {
        self.0.request()
    }

    /// Agrees to one of the subprotocols that the client offered. Without this the host chooses from those of the
    /// configuration, if there are any.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NotOffered`].
    pub fn choose_subprotocol(&mut self, name: impl AsRef<str>) -> Result<(), HandshakeError> {
        Ok(host::choose_subprotocol(self.0.id(), name.as_ref())?)
    }

    /// Adds a header to the answer.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`]: it is no header, or one that the handshake itself needs, or there is no room for it.
    pub fn add_header(
        &mut self,
        name: impl AsRef<str>,
        value: impl AsRef<str>,
    ) -> Result<(), HandshakeError> {
        Ok(host::add_header(self.0.id(), name.as_ref(), value.as_ref())?)
    }

    pub(crate) fn refuse(&mut self, rejection: &Rejection) -> Result<(), HandshakeError> {
        let Rejection { status, headers, content_type, body } = rejection;
        let client = self.0.id();
        host::set_status(client, *status)?;
        for (name, value) in headers {
            host::add_header(client, name, value)?;
        }
        Ok(host::set_body(client, content_type, body)?)
    }
}

errors! {
    /// Why an answer to a handshake is none.
    HandshakeError {
        /// The client did not offer this subprotocol.
        NotOffered = "not-offered", "the client did not offer this subprotocol";
        /// Name or value cannot stand in a header.
        InvalidHeader = "invalid-header", "name or value cannot stand in a header";
        /// The handshake itself needs this header.
        ReservedHeader = "reserved-header", "the handshake itself needs this header";
        /// A refusal has a status from 300 to 599.
        InvalidStatus = "invalid-status", "a refusal has a status from 300 to 599";
        /// More than 8 KiB of headers, or 64 KiB of a body.
        TooLong = "too-long", "more than 8 KiB of headers, or 64 KiB of a body";
        /// The handshake was answered already.
        NotConnecting = "not-connecting", "the handshake was answered already";
    }
}

/// How a client is turned away: an HTTP answer in place of the handshake.
///
/// In `connected`, `?` makes one of any error: the log gets the error with its causes, and the client 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    status: u16,
    headers: Vec<(String, String)>,
    content_type: String,
    body: Vec<u8>,
}

impl Rejection {
    /// A refusal with an HTTP status from 300 to 599, and a word for the client.
    pub fn new(status: u16, word: impl Into<String>) -> Self {
        let content_type = "text/plain; charset=utf-8".to_owned();
        Self { status, headers: Vec::new(), content_type, body: word.into().into_bytes() }
    }

    /// Adds a header: `Location` to a 302, `WWW-Authenticate` to a 401, `Retry-After` to a 503.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Any body in place of the word, and its type.
    pub fn body(mut self, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        (self.content_type, self.body) = (content_type.into(), body.into());
        self
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}", self.status)
    }
}

impl<E: Into<Error>> From<E> for Rejection {
    fn from(error: E) -> Self {
        crate::report::to_log(&"connected", &error.into());
        Self::new(500, "The handler failed.\n")
    }
}
