//! The client's side of the opening handshake (RFC 6455 §4.1).

use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderValue, InvalidHeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{Request, Response, StatusCode, Uri};

use super::accept_key::{KEY_OCTETS, accept_key, encode_key};
use super::deflate::Parameters;
use super::extensions::extensions;
use super::headers::{Single, has_token, single};
use super::{ParameterError, Version};
use crate::deflate::{Deflate, PerMessageDeflate};

/// A handshake that was begun and waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    key: String,
    subprotocols: Vec<String>,
    deflate: Option<Deflate>,
}

/// What the server agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The subprotocol that it chose.
    pub subprotocol: Option<String>,
    /// permessage-deflate, if it was offered and accepted: to be handed to
    /// [`Inbound::use_deflate`](crate::Inbound::use_deflate) and
    /// [`Outbound::use_deflate`](crate::Outbound::use_deflate).
    pub deflate: Option<PerMessageDeflate>,
}

/// Why an answer does not open a connection. The client must close it then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server refused, or redirects, or wants authentication.
    #[error("the server answered {0} instead of 101")]
    Status(StatusCode),
    /// `Upgrade` must be `websocket`.
    #[error("the answer lacks \"Upgrade: websocket\"")]
    UpgradeMissing,
    /// `Connection` must have the token `Upgrade`.
    #[error("the answer lacks \"Connection: Upgrade\"")]
    ConnectionMissing,
    /// The accept key is missing or is not the one that follows from our key.
    #[error("the Sec-WebSocket-Accept header does not fit our key")]
    AcceptMismatch,
    /// §9.1: the list of extensions is not one.
    #[error("the Sec-WebSocket-Extensions header is malformed")]
    ExtensionsMalformed,
    /// The server chose an extension that was not offered, or the same one twice.
    #[error("the server chose an extension that was not offered")]
    ExtensionNotOffered,
    /// RFC 7692 §7.1: the server accepted permessage-deflate in a way that was not offered.
    #[error("the server's permessage-deflate is not what was offered")]
    Deflate(#[from] ParameterError),
    /// The server chose a subprotocol that was not offered, or more than one.
    #[error("the server chose a subprotocol that was not offered")]
    SubprotocolNotOffered,
}

impl Handshake {
    /// A handshake with a key of 16 octets, which must be chosen at random for each connection, and
    /// the subprotocols to offer, the best one first.
    pub fn new(key: [u8; KEY_OCTETS], subprotocols: Vec<String>) -> Self {
        Self { key: encode_key(key), subprotocols, deflate: None }
    }

    /// Offers permessage-deflate (RFC 7692 §7.1). A direction whose window is not the widest, or that
    /// takes over no context, is offered only so: a server that cannot do that declines, and messages
    /// go uncompressed.
    #[must_use]
    pub fn offer_deflate(self, settings: Deflate) -> Self {
        Self { deflate: Some(settings), ..self }
    }

    /// The request for a resource (path and query) on a host (`name` or `name:port`).
    ///
    /// # Errors
    ///
    /// [`InvalidHeaderValue`] if the host or a subprotocol cannot stand in a header.
    pub fn request(&self, host: &str, resource: Uri) -> Result<Request<()>, InvalidHeaderValue> {
        let mut request = Request::new(());
        *request.uri_mut() = resource;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(host)?);
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&self.key)?);
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from(Version::Rfc6455.number()));
        if !self.subprotocols.is_empty() {
            let offered = HeaderValue::from_str(&self.subprotocols.join(", "))?;
            headers.insert(SEC_WEBSOCKET_PROTOCOL, offered);
        }
        if let Some(settings) = &self.deflate {
            let offer = HeaderValue::try_from(Parameters::offer(settings).to_string())?;
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer);
        }
        Ok(request)
    }

    /// Checks the answer; gives what the server chose of what was offered.
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
        let deflate = self.agreed_deflate(headers)?;
        Ok(Accepted { subprotocol: self.chosen_subprotocol(headers)?, deflate })
    }

    /// §9.1: extensions that were not asked for fail the connection.
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
