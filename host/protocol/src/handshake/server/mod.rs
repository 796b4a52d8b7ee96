//! The server's side of the opening handshake (RFC 6455 §4.2; over HTTP/2, RFC 8441 §5).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, ORIGIN, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Version as HttpVersion};

use super::accept_key::{accept_key, is_draft_key, is_key};
use super::authority::Authority;
use super::deflate::Parameters;
use super::draft00::{self, KEY1, KEY2, KEY3_OCTETS};
use super::extensions::extensions;
use super::fields::check_single;
use super::headers::{Single, each_once, has_token, is_token, list, single};
use super::{Origins, Rejection, Scheme, Version, Versions};

mod http2;
mod upgrade;

pub use http2::check_http2;
use upgrade::Proof;
pub use upgrade::{SubprotocolNotOffered, Upgrade};

/// Drafts 07 to 10: the origin under another name, later the one of the RFC.
const SEC_WEBSOCKET_ORIGIN: HeaderName = HeaderName::from_static("sec-websocket-origin");

/// What a server lets in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rules<'a> {
    /// The pages that may connect.
    pub origins: &'a Origins,
    /// The versions that are spoken.
    pub versions: &'a Versions,
    /// The host that the client asked for, perhaps with a port, if a trusted proxy tells it. The
    /// `Host` header then is the proxy's.
    pub host: Option<&'a str>,
    /// The scheme by which the client asked. Only the answer of draft 00 repeats it.
    pub scheme: Scheme,
}

impl<'a> Rules<'a> {
    /// Rules for who connects directly, without encryption.
    pub fn new(origins: &'a Origins, versions: &'a Versions) -> Self {
        Self { origins, versions, host: None, scheme: Scheme::Http }
    }
}

/// Whether a request asks for a WebSocket at all, rightly or not.
#[must_use]
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), UPGRADE, "websocket")
}

/// Whether the headers are those of draft 00. Then, if that version is spoken, eight octets must be
/// read behind the head for [`check_draft00`].
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
    let host = check_http(request, Behind::Nothing)?;
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

/// Checks a request of draft 00 with the eight octets that follow its head.
///
/// # Errors
///
/// The first [`Rejection`] that applies.
pub fn check_draft00<B>(
    request: &Request<B>,
    key3: [u8; KEY3_OCTETS],
    rules: &Rules<'_>,
) -> Result<Upgrade, Rejection> {
    let headers = request.headers();
    let host = check_http(request, Behind::Challenge)?;
    if !rules.versions.contains(Version::Draft00) {
        return Err(Rejection::VersionUnsupported);
    }
    let answer = draft00::answer(headers, key3)?;
    let subprotocols = draft00::subprotocols(headers)?;
    let origin = check_origin(headers, ORIGIN, host, rules)?;
    let location = draft00::location(rules.scheme, rules.host.unwrap_or(host), request.uri())?;
    let proof = Proof::Draft00 { location, answer };
    Ok(Upgrade::new(Version::Draft00, proof, subprotocols, origin, Vec::new()))
}

/// What stands behind the head of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    /// The eight octets of draft 00.
    Challenge,
}

/// The rules that all versions share; gives the host that was asked for.
fn check_http<B>(request: &Request<B>, behind: Behind) -> Result<&str, Rejection> {
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
    let is_announced = behind == Behind::Challenge && announces_challenge(headers);
    if has_body(headers) && !is_announced { Err(Rejection::Body) } else { Ok(host) }
}

/// The host of a target that has one, or else of `Host`, which must stand there in any case (RFC 9112
/// §3.2.2): a proxy in front of the server has acted on the target.
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

/// Whether the length of draft 00's challenge is announced as that of a body, which some of its clients do.
fn announces_challenge(headers: &HeaderMap) -> bool {
    let length = headers.get_all(CONTENT_LENGTH).iter().map(|length| length.as_bytes());
    !headers.contains_key(TRANSFER_ENCODING) && length.eq([b"8"])
}

/// §4.4: a client may send a list; the newest version that both speak is chosen.
fn choose_version(headers: &HeaderMap, spoken: &Versions) -> Result<Version, Rejection> {
    let offered = list(headers, SEC_WEBSOCKET_VERSION).ok_or(Rejection::VersionUnsupported)?;
    if offered.is_empty() {
        // Draft 00 has no such header: it is not missing, it is another version.
        let is_draft00 = is_draft00(headers);
        return Err(if is_draft00 {
            Rejection::VersionUnsupported
        } else {
            Rejection::VersionMissing
        });
    }
    // Compared as text: a number with a zero before it is none (§4.1).
    let is_offered =
        |version: &Version| version.in_header().is_some_and(|number| offered.contains(&number));
    spoken.iter().find(is_offered).ok_or(Rejection::VersionUnsupported)
}

/// §4.1: tokens. They are unique; of those that are not, the first one counts.
fn subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Rejection> {
    let offered = list(headers, SEC_WEBSOCKET_PROTOCOL).ok_or(Rejection::SubprotocolsMalformed)?;
    if !offered.iter().all(|name| is_token(name)) {
        return Err(Rejection::SubprotocolsMalformed);
    }
    Ok(each_once(offered))
}

/// Offers of permessage-deflate, the best one first. Extensions that are not known are ignored (§9.1),
/// as are offers with a parameter that is not right (RFC 7692 §7.1).
fn deflate_offers(headers: &HeaderMap, version: Version) -> Result<Vec<Parameters>, Rejection> {
    if version != Version::Rfc6455 {
        // What the drafts know by this header has other frames.
        return Ok(Vec::new());
    }
    let offered = extensions(headers).ok_or(Rejection::ExtensionsMalformed)?;
    Ok(offered.iter().filter_map(|extension| Parameters::read(extension)?.ok()).collect())
}

/// §10.2; gives the origin.
fn check_origin(
    headers: &HeaderMap,
    name: HeaderName,
    host: &str,
    rules: &Rules<'_>,
) -> Result<Option<String>, Rejection> {
    let origin = headers.get(name).map(|line| String::from_utf8_lossy(line.as_bytes()));
    // What is not ASCII is no origin; whether that matters is for the rules to say.
    let origin = origin.as_deref().map(str::trim);
    if rules.origins.allow(origin, rules.host.unwrap_or(host)) {
        Ok(origin.map(str::to_owned))
    } else {
        Err(Rejection::OriginNotAllowed)
    }
}
