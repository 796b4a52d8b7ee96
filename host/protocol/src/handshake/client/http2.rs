//! The client's handshake over HTTP/2: an extended CONNECT (RFC 8441 §4, §5).

use http::{Method, Request, Response, Uri, Version};

use super::offer::Offer;
use super::{Accepted, HandshakeError};
use crate::deflate::Deflate;
use crate::handshake::Scheme;

/// A client's handshake over HTTP/2. It has no key. Instead, the server announces support for extended CONNECT with the
/// setting `SETTINGS_ENABLE_CONNECT_PROTOCOL`. This setting must have arrived with the value 1 before the request is
/// sent (RFC 8441 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2Handshake {
    offer: Offer,
}

impl Http2Handshake {
    /// Creates a handshake. The preferred subprotocol comes first.
    pub fn new(subprotocols: Vec<String>) -> Self {
        Self { offer: Offer { subprotocols, deflate: None } }
    }

    /// Offers permessage-deflate, like [`Handshake::offer_deflate`](super::Handshake::offer_deflate) over HTTP/1.1.
    #[must_use]
    pub fn offer_deflate(mut self, settings: Deflate) -> Self {
        self.offer.deflate = Some(settings);
        self
    }

    /// Builds the request for a resource (path and query) on a host (`name` or `name:port`). Set its `:protocol` to
    /// `websocket` in the HTTP library.
    ///
    /// # Errors
    ///
    /// [`http::Error`] if the host is not valid in a URI, or a subprotocol is not a valid header value.
    pub fn request(
        &self,
        scheme: Scheme,
        host: &str,
        resource: Uri,
    ) -> Result<Request<()>, http::Error> {
        let resource = resource.into_parts().path_and_query;
        // §5: "the scheme of the Target URI MUST be "https" for "wss"-schemed WebSockets and "http"
        // for "ws"-schemed WebSockets".
        let uri = Uri::builder().scheme(scheme.of_http()).authority(host);
        let uri = match resource {
            Some(resource) => uri.path_and_query(resource),
            None => uri.path_and_query("/"),
        };
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .version(Version::HTTP_2)
            .uri(uri.build()?)
            .body(())?;
        self.offer.write(request.headers_mut())?;
        Ok(request)
    }

    /// Checks the response. Returns what the server accepted.
    ///
    /// # Errors
    ///
    /// The first [`HandshakeError`] that applies.
    pub fn check<B>(&self, response: &Response<B>) -> Result<Accepted, HandshakeError> {
        // RFC 9110 §9.3.6: "Any 2xx (Successful) response" to a CONNECT opens the tunnel.
        if !response.status().is_success() {
            return Err(HandshakeError::Status(response.status()));
        }
        self.offer.check(response.headers())
    }
}
