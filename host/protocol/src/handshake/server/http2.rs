//! WebSockets over HTTP/2 (RFC 8441).

use http::header::{HOST, ORIGIN};
use http::{Method, Request};

use super::upgrade::Proof;
use super::{Rules, Upgrade};
use super::{check_origin, check_single, choose_version, deflate_offers, has_body, subprotocols};
use crate::handshake::authority::Authority;
use crate::handshake::headers::{Single, single};
use crate::handshake::{Rejection, Version, Versions};

/// The required value of `:protocol` (RFC 8441 §5).
const WEBSOCKET: &str = "websocket";

/// Checks an extended CONNECT against every rule of RFC 8441 and against the rules of this server.
///
/// `protocol` is the `:protocol` of the request, which an HTTP library keeps separate from the headers. The requested
/// host is in `:authority`, which is the authority of the request's URI. The drafts do not exist over HTTP/2, so the
/// server must support the version of the RFC. There is no key: a `Sec-WebSocket-Key` header is ignored (§5).
///
/// # Errors
///
/// The first [`Rejection`] that applies, to be answered with
/// [`http2_response`](Rejection::http2_response).
pub fn check_http2<B>(
    request: &Request<B>,
    protocol: Option<&str>,
    rules: &Rules<'_>,
) -> Result<Upgrade, Rejection> {
    let headers = request.headers();
    check_connect(request, protocol)?;
    check_single(headers)?;
    let host = authority(request)?;
    if has_body(headers) {
        return Err(Rejection::Body);
    }
    let spoken: Versions =
        rules.versions.iter().filter(|version| *version == Version::Rfc6455).collect();
    let version = choose_version(headers, &spoken)?;
    let subprotocols = subprotocols(headers)?;
    let offers = deflate_offers(headers, version)?;
    let origin = check_origin(headers, ORIGIN, host, rules)?;
    Ok(Upgrade::new(version, Proof::Http2, subprotocols, origin, offers))
}

/// Checks that the request is a CONNECT with a `:protocol` (§4). Such a request also has a `:scheme` and a `:path`.
fn check_connect<B>(request: &Request<B>, protocol: Option<&str>) -> Result<(), Rejection> {
    let (Some(protocol), &Method::CONNECT) = (protocol, request.method()) else {
        return Err(Rejection::NoExtendedConnect);
    };
    if request.uri().scheme().is_none() || request.uri().path_and_query().is_none() {
        return Err(Rejection::NoExtendedConnect);
    }
    // RFC 9110 §7.8: the comparison of protocol names ignores case.
    if protocol.eq_ignore_ascii_case(WEBSOCKET) { Ok(()) } else { Err(Rejection::UnknownProtocol) }
}

/// Returns the `:authority`, which replaces `Host`. A `Host` may repeat it but must not differ (RFC 9113 §8.3.1).
fn authority<B>(request: &Request<B>) -> Result<&str, Rejection> {
    let text = request.uri().authority().ok_or(Rejection::Host)?.as_str();
    let authority = Authority::parse(text).ok_or(Rejection::Host)?;
    match single(request.headers(), HOST) {
        Single::Missing => Ok(text),
        Single::Value(host) if Authority::parse(host) == Some(authority) => Ok(text),
        Single::Value(_) | Single::Malformed => Err(Rejection::Host),
    }
}
