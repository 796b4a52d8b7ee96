//! The server side of the opening handshake (RFC 6455 §4.2; over HTTP/2, RFC 8441 §5).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, ORIGIN, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Version as HttpVersion};

use super::accept_key::{accept_key, is_draft_key, is_key};
use super::authority::Authority;
use super::deflate::Parameters;
use super::draft00::{self, KEY1, KEY2, KEY3_LENGTH};
use super::extensions::extensions;
use super::fields::check_single;
use super::headers::{Single, has_token, is_token, list, single, unique};
use super::{Origins, Rejection, Scheme, Version, Versions};

mod http2;
mod upgrade;

pub use http2::check_http2;
use upgrade::Proof;
pub use upgrade::{SubprotocolNotOffered, Upgrade};

/// The header for the origin in drafts 07 to 10. Later drafts use the same name as the RFC.
const SEC_WEBSOCKET_ORIGIN: HeaderName = HeaderName::from_static("sec-websocket-origin");

/// A server's rules for accepting handshakes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rules<'a> {
    /// The pages that may connect.
    pub origins: &'a Origins,
    /// The supported versions.
    pub versions: &'a Versions,
    /// The host that the client requested, with an optional port, as reported by a trusted proxy. If a proxy reports
    /// it, the `Host` header of the request comes from the proxy.
    pub host: Option<&'a str>,
    /// The scheme that the client used. Only the response of draft 00 repeats it.
    pub scheme: Scheme,
}

impl<'a> Rules<'a> {
    /// Creates rules for clients that connect directly, without encryption.
    pub fn new(origins: &'a Origins, versions: &'a Versions) -> Self {
        Self { origins, versions, host: None, scheme: Scheme::Http }
    }
}

/// Returns whether a request asks for a WebSocket. The request is not validated.
#[must_use]
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), UPGRADE, "websocket")
}

/// Returns whether the headers are those of draft 00. If so, and if draft 00 is supported, read the eight bytes
/// after the head for [`check_draft00`].
#[must_use]
pub fn is_draft00(headers: &HeaderMap) -> bool {
    headers.contains_key(KEY1)
        && headers.contains_key(KEY2)
        && !headers.contains_key(SEC_WEBSOCKET_KEY)
        && !headers.contains_key(SEC_WEBSOCKET_VERSION)
}

/// Checks a request against every rule of §4.2.1 and against the rules of this server.
///
/// # Errors
///
/// The first [`Rejection`] that applies.
pub fn check<B>(request: &Request<B>, rules: &Rules<'_>) -> Result<Upgrade, Rejection> {
    let headers = request.headers();
    let host = check_http(request, AfterHead::Nothing)?;
    let version = choose_version(headers, rules.versions)?;
    let accept_key = match single(headers, SEC_WEBSOCKET_KEY) {
        Single::Missing => return Err(Rejection::KeyMissing),
        Single::Value(key) if is_key(key) => accept_key(key),
        Single::Value(key) if version != Version::Rfc6455 && is_draft_key(key) => accept_key(key),
        Single::Value(_) | Single::Malformed => return Err(Rejection::KeyMalformed),
    };
    let subprotocols = subprotocols(headers)?;
    let offers = deflate_offers(headers, version)?;
    let origin = match version {
        Version::Draft07 | Version::Draft08 if headers.contains_key(SEC_WEBSOCKET_ORIGIN) => {
            SEC_WEBSOCKET_ORIGIN
        }
        _ => ORIGIN,
    };
    let origin = check_origin(headers, origin, host, rules)?;
    Ok(Upgrade::new(version, Proof::AcceptKey(accept_key), subprotocols, origin, offers))
}

/// Checks a request of draft 00 together with the eight bytes that follow its head.
///
/// # Errors
///
/// The first [`Rejection`] that applies.
pub fn check_draft00<B>(
    request: &Request<B>,
    key3: [u8; KEY3_LENGTH],
    rules: &Rules<'_>,
) -> Result<Upgrade, Rejection> {
    let headers = request.headers();
    let host = check_http(request, AfterHead::Challenge)?;
    if !rules.versions.contains(Version::Draft00) {
        return Err(Rejection::VersionUnsupported);
    }
    let answer = draft00::challenge_response(headers, key3)?;
    let subprotocols = draft00::subprotocols(headers)?;
    let origin = check_origin(headers, ORIGIN, host, rules)?;
    let location = draft00::location(rules.scheme, rules.host.unwrap_or(host), request.uri())?;
    let proof = Proof::Draft00 { location, answer };
    Ok(Upgrade::new(Version::Draft00, proof, subprotocols, origin, Vec::new()))
}

/// The bytes that follow the head of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterHead {
    Nothing,
    /// The eight bytes of draft 00.
    Challenge,
}

/// Checks what all versions of WebSocket over HTTP/1.1 require. Returns the requested host.
fn check_http<B>(request: &Request<B>, after_head: AfterHead) -> Result<&str, Rejection> {
    let headers = request.headers();
    if !is_upgrade(request) {
        return Err(Rejection::NoUpgrade);
    }
    if request.method() != Method::GET {
        return Err(Rejection::MethodNotGet);
    }
    if request.version() < HttpVersion::HTTP_11 {
        return Err(Rejection::HttpVersion);
    }
    if !has_token(headers, CONNECTION, "upgrade") {
        return Err(Rejection::ConnectionNotUpgrade);
    }
    check_single(headers)?;
    let host = host(request)?;
    let is_challenge = after_head == AfterHead::Challenge && declares_challenge(headers);
    if has_body(headers) && !is_challenge { Err(Rejection::Body) } else { Ok(host) }
}

/// Returns the host of the request target. If the target has no host, returns the host in `Host`. `Host` is required in
/// any case (RFC 9112 §3.2.2). The target takes precedence because a proxy in front of the server has acted on it.
fn host<B>(request: &Request<B>) -> Result<&str, Rejection> {
    let is_host = |text: &&str| Authority::parse(text).is_some();
    let header = match single(request.headers(), HOST) {
        Single::Value(host) => Some(host).filter(is_host),
        Single::Missing | Single::Malformed => None,
    };
    let header = header.ok_or(Rejection::Host)?;
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()).filter(is_host).ok_or(Rejection::Host),
        None => Ok(header),
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
}

/// Returns whether the request declares the challenge of draft 00 as a body, as some clients do.
fn declares_challenge(headers: &HeaderMap) -> bool {
    let length = headers.get_all(CONTENT_LENGTH).iter().map(|length| length.as_bytes());
    !headers.contains_key(TRANSFER_ENCODING) && length.eq([b"8"])
}

/// Chooses the newest version that both endpoints support. A client may send a list (§4.4).
fn choose_version(headers: &HeaderMap, supported: &Versions) -> Result<Version, Rejection> {
    let offered = list(headers, SEC_WEBSOCKET_VERSION).ok_or(Rejection::VersionUnsupported)?;
    if offered.is_empty() {
        // Draft 00 has no such header. So for a client of draft 00, the version is not missing but unsupported.
        let is_draft00 = is_draft00(headers);
        return Err(if is_draft00 {
            Rejection::VersionUnsupported
        } else {
            Rejection::VersionMissing
        });
    }
    // Versions are compared as text, because a number with a leading zero is invalid (§4.1).
    let is_offered =
        |version: &Version| version.in_header().is_some_and(|number| offered.contains(&number));
    supported.iter().find(is_offered).ok_or(Rejection::VersionUnsupported)
}

/// Returns the offered subprotocols, which must be tokens (§4.1). They should be unique. If a subprotocol is repeated,
/// the first occurrence counts.
fn subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Rejection> {
    let offered = list(headers, SEC_WEBSOCKET_PROTOCOL).ok_or(Rejection::SubprotocolsMalformed)?;
    if !offered.iter().all(|name| is_token(name)) {
        return Err(Rejection::SubprotocolsMalformed);
    }
    Ok(unique(offered))
}

/// Returns the offers of permessage-deflate, the preferred one first. Unknown extensions are ignored (§9.1), and so are
/// offers with an invalid parameter (RFC 7692 §7.1).
fn deflate_offers(headers: &HeaderMap, version: Version) -> Result<Vec<Parameters>, Rejection> {
    if version != Version::Rfc6455 {
        // The extensions of the drafts use other frames, so none is accepted.
        return Ok(Vec::new());
    }
    let offered = extensions(headers).ok_or(Rejection::ExtensionsMalformed)?;
    Ok(offered.iter().filter_map(|extension| Parameters::read(extension)?.ok()).collect())
}

/// Checks the origin against the rules (§10.2). Returns the origin.
fn check_origin(
    headers: &HeaderMap,
    name: HeaderName,
    host: &str,
    rules: &Rules<'_>,
) -> Result<Option<String>, Rejection> {
    let origin = headers.get(name).map(|line| String::from_utf8_lossy(line.as_bytes()));
    // A value that is not ASCII is not an origin. Whether that matters depends on the rules.
    let origin = origin.as_deref().map(str::trim);
    if rules.origins.allow(origin, rules.host.unwrap_or(host)) {
        Ok(origin.map(str::to_owned))
    } else {
        Err(Rejection::OriginNotAllowed)
    }
}
