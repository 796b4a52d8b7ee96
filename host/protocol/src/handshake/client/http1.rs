//! The client's handshake over HTTP/1.1: an upgrade request (RFC 6455 §4.1).

use http::header::{
    CONNECTION, HOST, HeaderValue, InvalidHeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    UPGRADE,
};
use http::{Request, Response, StatusCode, Uri};

use super::offer::Offer;
use super::{Accepted, HandshakeError};
use crate::deflate::Deflate;
use crate::handshake::accept_key::{KEY_LENGTH, accept_key, encode_key};
use crate::handshake::headers::{Single, has_token, single};

/// A client's handshake over HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    key: String,
    offer: Offer,
}

impl Handshake {
    /// Creates a handshake. `key` must be chosen at random for each connection. The preferred subprotocol comes first.
    pub fn new(key: [u8; KEY_LENGTH], subprotocols: Vec<String>) -> Self {
        Self { key: encode_key(key), offer: Offer { subprotocols, deflate: None } }
    }

    /// Offers permessage-deflate (RFC 7692 §7.1). If the settings of a direction narrow the window or turn off context
    /// takeover, the offer states this as a requirement. A server that does not support the requirement declines the
    /// offer, and messages are not compressed.
    #[must_use]
    pub fn offer_deflate(mut self, settings: Deflate) -> Self {
        self.offer.deflate = Some(settings);
        self
    }

    /// Builds the request for a resource (path and query) on a host (`name` or `name:port`).
    ///
    /// # Errors
    ///
    /// [`InvalidHeaderValue`] if the host or a subprotocol is not a valid header value.
    pub fn request(&self, host: &str, resource: Uri) -> Result<Request<()>, InvalidHeaderValue> {
        let mut request = Request::new(());
        *request.uri_mut() = resource;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(host)?);
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&self.key)?);
        self.offer.write(headers)?;
        Ok(request)
    }

    /// Checks the response. Returns what the server accepted.
    ///
    /// # Errors
    ///
    /// The first [`HandshakeError`] that applies, in the order of §4.1.
    pub fn check<B>(&self, response: &Response<B>) -> Result<Accepted, HandshakeError> {
        let headers = response.headers();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(HandshakeError::Status(response.status()));
        }
        if !has_token(headers, UPGRADE, "websocket") {
            return Err(HandshakeError::UpgradeMissing);
        }
        if !has_token(headers, CONNECTION, "upgrade") {
            return Err(HandshakeError::ConnectionMissing);
        }
        match single(headers, SEC_WEBSOCKET_ACCEPT) {
            Single::Value(accept) if accept == accept_key(&self.key) => {}
            _ => return Err(HandshakeError::AcceptMismatch),
        }
        self.offer.check(headers)
    }
}
