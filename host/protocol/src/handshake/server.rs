//! The server's side of the opening handshake (RFC 6455 §4.2).

use std::collections::HashSet;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};

use super::accept_key::{accept_key, is_key};
use super::headers::{Single, has_token, is_token, list, single};
use super::{Origins, Rejection};

/// A handshake that may be answered with 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    accept_key: String,
    subprotocols: Vec<String>,
}

/// An application wants to answer with a subprotocol that the client did not offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("subprotocol {0:?} was not offered by the client")]
pub struct SubprotocolNotOffered(pub String);

/// Whether a request asks for a WebSocket at all, rightly or not.
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), UPGRADE, "websocket")
}

/// Checks a request against every rule of §4.2.1 and against the origins that are let in.
///
/// # Errors
///
/// The first [`Rejection`] that applies.
pub fn check<B>(request: &Request<B>, origins: &Origins) -> Result<Upgrade, Rejection> {
    let headers = request.headers();
    if !is_upgrade(request) {
        return Err(Rejection::NoUpgrade);
    }
    if request.method() != Method::GET {
        return Err(Rejection::MethodNotGet);
    }
    if request.version() < Version::HTTP_11 {
        return Err(Rejection::HttpVersion);
    }
    if !has_token(headers, CONNECTION, "upgrade") {
        return Err(Rejection::ConnectionNotUpgrade);
    }
    let Single::Value(host) = single(headers, HOST) else {
        return Err(Rejection::Host);
    };
    if has_body(headers) {
        return Err(Rejection::Body);
    }
    check_version(headers)?;
    let accept_key = match single(headers, SEC_WEBSOCKET_KEY) {
        Single::Missing => return Err(Rejection::KeyMissing),
        Single::Value(key) if is_key(key) => accept_key(key),
        Single::Value(_) | Single::Malformed => return Err(Rejection::KeyMalformed),
    };
    let subprotocols = subprotocols(headers)?;
    let origin = match single(headers, ORIGIN) {
        Single::Missing => None,
        Single::Value(origin) => Some(origin),
        Single::Malformed => return Err(Rejection::OriginMalformed),
    };
    if !origins.allow(origin, host) {
        return Err(Rejection::OriginNotAllowed);
    }
    Ok(Upgrade { accept_key, subprotocols })
}

impl Upgrade {
    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// The 101 answer (§4.2.2), with one of the offered subprotocols or none.
    ///
    /// # Errors
    ///
    /// [`SubprotocolNotOffered`]: the client would have to fail the connection.
    pub fn response(
        &self,
        subprotocol: Option<&str>,
    ) -> Result<Response<()>, SubprotocolNotOffered> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        // Base64 is always a valid header value.
        if let Ok(accept_key) = HeaderValue::from_str(&self.accept_key) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept_key);
        }
        if let Some(chosen) = subprotocol {
            let offered = self.subprotocols.iter().any(|offered| offered == chosen);
            match HeaderValue::from_str(chosen) {
                Ok(value) if offered => headers.insert(SEC_WEBSOCKET_PROTOCOL, value),
                _ => return Err(SubprotocolNotOffered(chosen.to_owned())),
            };
        }
        Ok(response)
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
}

/// §4.4: a list is searched too, as clients of other drafts may send one.
fn check_version(headers: &HeaderMap) -> Result<(), Rejection> {
    let versions = list(headers, SEC_WEBSOCKET_VERSION).ok_or(Rejection::VersionUnsupported)?;
    if versions.is_empty() {
        return Err(Rejection::VersionMissing);
    }
    if versions.contains(&"13") { Ok(()) } else { Err(Rejection::VersionUnsupported) }
}

/// §4.1: tokens "and all be unique strings".
fn subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Rejection> {
    let offered = list(headers, SEC_WEBSOCKET_PROTOCOL).ok_or(Rejection::SubprotocolsMalformed)?;
    // A set, as comparing each with each would let a long header cost its square.
    let different: HashSet<&str> = offered.iter().copied().collect();
    if different.len() < offered.len() || !offered.iter().all(|name| is_token(name)) {
        return Err(Rejection::SubprotocolsMalformed);
    }
    Ok(offered.into_iter().map(str::to_owned).collect())
}
