//! Accepting or refusing a client.

use std::fmt;

use crate::sys::handshake as host;
use crate::words::errors;
use crate::{Client, Error, Request};

/// The handshake of a client that asks to connect. It contains the request, and is used to set the contents of the
/// response.
#[derive(Debug)]
pub struct Handshake(Client);

impl Handshake {
    pub(crate) fn of(client: Client) -> Self {
        Self(client)
    }

    /// Returns the client's request.
    pub fn request(&self) -> Request {
        self.0.request()
    }

    /// Chooses one of the subprotocols that the client offered. A second call replaces the first. Without a call, the
    /// host chooses one from the `subprotocols` of the configuration, if the client offered any of them.
    ///
    /// # Errors
    ///
    /// Returns [`HandshakeError::NotOffered`] if the client did not offer this subprotocol.
    pub fn choose_subprotocol(&mut self, name: impl AsRef<str>) -> Result<(), HandshakeError> {
        Ok(host::choose_subprotocol(self.0.id(), name.as_ref())?)
    }

    /// Adds a header to the response, whether the client is accepted or refused.
    ///
    /// # Errors
    ///
    /// Returns [`HandshakeError`] if the name or the value is not valid in a header, if the handshake itself needs this
    /// header, or if all added headers together would exceed 8 KiB.
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
    /// Why the response to a handshake could not be changed.
    HandshakeError {
        /// The client did not offer this subprotocol.
        NotOffered = "not-offered", "the client did not offer this subprotocol";
        /// The name or the value is not valid in a header.
        InvalidHeader = "invalid-header", "the name or the value is not valid in a header";
        /// The handshake itself needs this header.
        ReservedHeader = "reserved-header", "this header is reserved for the handshake";
        /// The status of a refusal is not from 300 to 599.
        InvalidStatus = "invalid-status", "a refusal must have a status from 300 to 599";
        /// The headers exceed 8 KiB, or the body exceeds 64 KiB.
        TooLong = "too-long", "the headers exceed 8 KiB, or the body exceeds 64 KiB";
        /// The handshake has already been answered.
        NotConnecting = "not-connecting", "the handshake has already been answered";
    }
}

/// A refusal of a client. It is an HTTP response in place of the handshake.
///
/// In `connected`, `?` converts any other error to a rejection. The error and its causes then go to the log, and the
/// client gets a 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    status: u16,
    headers: Vec<(String, String)>,
    content_type: String,
    body: Vec<u8>,
}

impl Rejection {
    /// Creates a refusal with an HTTP status from 300 to 599 and a text for the client.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        let content_type = "text/plain; charset=utf-8".to_owned();
        Self { status, headers: Vec::new(), content_type, body: text.into().into_bytes() }
    }

    /// Adds a header, for example `Location` to a 302, `WWW-Authenticate` to a 401, or `Retry-After` to a 503.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Replaces the text with a body of this content type.
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
