//! A client's offer. It is the same over HTTP/1.1 and HTTP/2.

use http::header::{
    HeaderMap, HeaderValue, InvalidHeaderValue, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION,
};

use super::{Accepted, HandshakeError};
use crate::deflate::{Deflate, PerMessageDeflate};
use crate::handshake::Version;
use crate::handshake::deflate::Parameters;
use crate::handshake::extensions::extensions;
use crate::handshake::headers::{Single, single};

/// Subprotocols, the preferred one first, and optional compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) subprotocols: Vec<String>,
    pub(super) deflate: Option<Deflate>,
}

impl Offer {
    pub(super) fn write(&self, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from(Version::Rfc6455.number()));
        if !self.subprotocols.is_empty() {
            let offered = HeaderValue::from_str(&self.subprotocols.join(", "))?;
            headers.insert(SEC_WEBSOCKET_PROTOCOL, offered);
        }
        if let Some(settings) = &self.deflate {
            let offer = HeaderValue::try_from(Parameters::offer(settings).to_string())?;
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer);
        }
        Ok(())
    }

    pub(super) fn check(&self, headers: &HeaderMap) -> Result<Accepted, HandshakeError> {
        let deflate = self.agreed_deflate(headers)?;
        Ok(Accepted { subprotocol: self.chosen_subprotocol(headers)?, deflate })
    }

    /// Returns the negotiated compression. An extension that was not offered fails the connection (§9.1).
    fn agreed_deflate(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<PerMessageDeflate>, HandshakeError> {
        let chosen = extensions(headers).ok_or(HandshakeError::ExtensionsMalformed)?;
        match (&chosen[..], &self.deflate) {
            ([], _) => Ok(None),
            ([chosen], Some(settings)) => {
                let answer = Parameters::read(chosen).ok_or(HandshakeError::ExtensionNotOffered)?;
                Ok(Some(answer?.check(settings)?))
            }
            _ => Err(HandshakeError::ExtensionNotOffered),
        }
    }

    fn chosen_subprotocol(&self, headers: &HeaderMap) -> Result<Option<String>, HandshakeError> {
        match single(headers, SEC_WEBSOCKET_PROTOCOL) {
            Single::Missing => Ok(None),
            Single::Value(chosen) if self.subprotocols.iter().any(|offered| offered == chosen) => {
                Ok(Some(chosen.to_owned()))
            }
            Single::Value(_) | Single::Malformed => Err(HandshakeError::SubprotocolNotOffered),
        }
    }
}
