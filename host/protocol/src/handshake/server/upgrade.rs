//! An accepted handshake and its response.

use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{Response, StatusCode};

use super::SEC_WEBSOCKET_ORIGIN;
use crate::deflate::{Deflate, PerMessageDeflate};
use crate::handshake::Version;
use crate::handshake::deflate::Parameters;
use crate::handshake::draft00::ANSWER_LENGTH;

const SEC_WEBSOCKET_LOCATION: HeaderName = HeaderName::from_static("sec-websocket-location");

/// A valid handshake. Its response is 101 or, over HTTP/2, 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    version: Version,
    proof: Proof,
    subprotocols: Vec<String>,
    origin: Option<String>,
    deflate_offers: Vec<Parameters>,
    /// The response to the accepted offer.
    deflate: Option<Parameters>,
}

/// The proof that the server understood the client's handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    AcceptKey(String),
    /// No proof is needed, because the server announced its support in the HTTP/2 settings (RFC 8441 §3).
    Http2,
    Draft00 {
        location: HeaderValue,
        answer: [u8; ANSWER_LENGTH],
    },
}

/// The error for a chosen subprotocol that the client did not offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("subprotocol {0:?} was not offered by the client")]
pub struct SubprotocolNotOffered(pub String);

impl Upgrade {
    pub(super) fn new(
        version: Version,
        proof: Proof,
        subprotocols: Vec<String>,
        origin: Option<String>,
        deflate_offers: Vec<Parameters>,
    ) -> Self {
        Self { version, proof, subprotocols, origin, deflate_offers, deflate: None }
    }

    /// Returns the protocol version of the connection.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the subprotocols that the client offers, in the client's order of preference.
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// Returns the origin of the page that connects, from the header that this version uses for the origin.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Accepts the first offer of permessage-deflate that these settings can satisfy (RFC 7692 §7.1). The
    /// [`response`](Self::response) then includes this acceptance. Returns `None` if there is no such offer. In that
    /// case, messages are not compressed.
    ///
    /// An offer with `server_max_window_bits=8` is declined, as §7.1.2.1 requires of a server that cannot compress with
    /// this window. The client may have made another offer after the declined offer. `client_max_window_bits=8` is
    /// accepted, because any window can inflate data that was compressed with a smaller window.
    pub fn accept_deflate(&mut self, settings: &Deflate) -> Option<PerMessageDeflate> {
        let (answer, agreed) =
            self.deflate_offers.iter().find_map(|offer| offer.accept(settings))?;
        self.deflate = Some(answer);
        Some(agreed)
    }

    /// Returns the response: 101 (§4.2.2), or 200 over HTTP/2 (RFC 8441 §5). It contains one of the offered
    /// subprotocols or none. Write the [`trailer`](Self::trailer) after it.
    ///
    /// # Errors
    ///
    /// [`SubprotocolNotOffered`] if the client did not offer `subprotocol`. A client must fail the connection if the
    /// response contains a subprotocol that the client did not offer.
    pub fn response(
        &self,
        subprotocol: Option<&str>,
    ) -> Result<Response<()>, SubprotocolNotOffered> {
        let mut response = Response::new(());
        *response.status_mut() = self.proof.status();
        let headers = response.headers_mut();
        self.prove(headers);
        if let Some(chosen) = subprotocol {
            let offered = self.subprotocols.iter().any(|offered| offered == chosen);
            match HeaderValue::from_str(chosen) {
                Ok(value) if offered => headers.insert(SEC_WEBSOCKET_PROTOCOL, value),
                _ => return Err(SubprotocolNotOffered(chosen.to_owned())),
            };
        }
        // Names and numbers are always a valid header value.
        if let Some(deflate) = &self.deflate
            && let Ok(deflate) = HeaderValue::try_from(deflate.to_string())
        {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, deflate);
        }
        Ok(response)
    }

    /// Returns the bytes that follow the head of the response: sixteen for draft 00, none otherwise.
    pub fn trailer(&self) -> &[u8] {
        match &self.proof {
            Proof::AcceptKey(_) | Proof::Http2 => &[],
            Proof::Draft00 { answer, .. } => answer,
        }
    }

    fn prove(&self, headers: &mut HeaderMap) {
        match &self.proof {
            // RFC 8441 §5: `:protocol` replaces the key. RFC 9113 §8.2.2: HTTP/2 forbids connection headers.
            Proof::Http2 => {}
            Proof::AcceptKey(accept_key) => {
                // The headers are in the order of the RFC's example (§1.3).
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                // Base64 is always a valid header value.
                if let Ok(accept_key) = HeaderValue::from_str(accept_key) {
                    headers.insert(SEC_WEBSOCKET_ACCEPT, accept_key);
                }
            }
            Proof::Draft00 { location, .. } => {
                // Draft 00, §4.1: clients compare this value case-sensitively.
                headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(SEC_WEBSOCKET_LOCATION, location.clone());
                // The origin is a valid header value, because it comes from a header of the request.
                if let Some(Ok(origin)) = self.origin().map(HeaderValue::from_str) {
                    headers.insert(SEC_WEBSOCKET_ORIGIN, origin);
                }
            }
        }
    }
}

impl Proof {
    fn status(&self) -> StatusCode {
        match self {
            Self::AcceptKey(_) | Self::Draft00 { .. } => StatusCode::SWITCHING_PROTOCOLS,
            Self::Http2 => StatusCode::OK,
        }
    }
}
