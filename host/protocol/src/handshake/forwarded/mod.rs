//! Information from proxies about a client: `Forwarded` (RFC 7239), `X-Forwarded-For` and related headers, `X-Real-IP`,
//! `CF-Connecting-IP`.

mod element;

use core::net::IpAddr;

use http::Request;
use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue};

use super::Scheme;
use super::authority::{Authority, parse_port};
use super::headers::{Single, single};
use element::{Element, Hop, elements_from_the_right, hop};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// The maximum number of hops that are examined, beginning with the nearest. No chain of trusted proxies is nearly that
/// long, so a longer list is an attempt to probe the server.
const MAX_HOPS: usize = 32;

/// The headers that the trusted proxies write. No other headers are trusted, because a proxy forwards those as its
/// client sent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Convention {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, as most proxies write them.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP` with `X-Forwarded-Proto` and `-Host`, as nginx is often configured to write them.
    XRealIp,
    /// `CF-Connecting-IP` with `X-Forwarded-Proto`, as Cloudflare writes them. Cloudflare forwards `X-Forwarded-Host`
    /// as the client sent it, so that header is not trusted.
    CfConnectingIp,
}

/// A client as reported by the proxies in front of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarded {
    /// The address of the client, or of the last known hop on the way to it. An IPv4-mapped IPv6 address
    /// (`::ffff:192.0.2.1`) is converted to IPv4.
    pub address: IpAddr,
    /// The client's port, if a proxy reports it.
    pub port: Option<u16>,
    /// The scheme with which the client reached the first trusted proxy.
    pub scheme: Option<Scheme>,
    /// The host that the client requested, with an optional port.
    pub host: Option<String>,
}

/// Finds the client behind the peer of a connection.
///
/// An untrusted peer is the client, even if its headers say otherwise. For a trusted peer, the hops are examined from
/// the right, which is where the nearest proxy appends:
///
/// - Trusted hops are skipped. The first untrusted hop is the client. The elements to its left are ignored, because no
///   trusted proxy wrote them.
/// - If all hops are trusted, the leftmost is the client.
/// - A hop that is hidden (`unknown`, `_name`) or unreadable ends the search. The last known hop is then the client.
///
/// In `Forwarded`, the scheme and host come from the element that the search reads last. A trusted proxy wrote that
/// element, so its scheme and host count even if the element hides the address.
///
/// In `X-Forwarded-Proto` and `-Host`, the last value counts. The requested host is `X-Forwarded-Host` or, if the
/// proxies report no host, the one that the request itself names. If this host has no port, `X-Forwarded-Port` is its
/// port.
///
/// `X-Real-IP` and `CF-Connecting-IP` hold a single value, the client's address. The headers used with them hold a
/// single value, too. If one of these headers is repeated, it is not trusted, because it is unclear which value the
/// proxy wrote.
///
/// A trusted proxy must set or remove **every** header of the convention. For example, if a proxy writes
/// `X-Forwarded-For` but forwards `X-Forwarded-Host` unchanged, each client can claim any host.
pub fn client<B>(
    request: &Request<B>,
    peer: IpAddr,
    convention: Convention,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Forwarded {
    let peer = peer.to_canonical();
    let client = Forwarded { address: peer, port: None, scheme: None, host: None };
    if !is_trusted(peer) {
        return client;
    }
    let headers = request.headers();
    match convention {
        Convention::XForwarded => from_x_forwarded(client, request, is_trusted),
        Convention::Forwarded => from_forwarded(client, headers, is_trusted),
        Convention::XRealIp => {
            let host = single_value(headers, X_FORWARDED_HOST).and_then(valid_host);
            Forwarded { host, ..from_address(client, headers, X_REAL_IP) }
        }
        Convention::CfConnectingIp => from_address(client, headers, CF_CONNECTING_IP),
    }
}

fn from_forwarded(
    mut client: Forwarded,
    headers: &HeaderMap,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Forwarded {
    for element in elements_from_the_right(headers, FORWARDED).take(MAX_HOPS) {
        let Some(Element { hop, scheme, host }) = element.and_then(Element::parse) else { break };
        client = Forwarded { scheme, host, ..client };
        if walk_to(&mut client, hop, &is_trusted).is_none() {
            break;
        }
    }
    client
}

fn from_x_forwarded<B>(
    mut client: Forwarded,
    request: &Request<B>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Forwarded {
    let headers = request.headers();
    client.scheme = last_value(headers, X_FORWARDED_PROTO).and_then(Scheme::from_name);
    client.host = last_value(headers, X_FORWARDED_HOST).and_then(valid_host);
    if let Some(port) = forwarded_port(headers) {
        let host = client.host.as_deref().or(request_host(request));
        client.host = with_port(host, port).or(client.host);
    }
    for element in elements_from_the_right(headers, X_FORWARDED_FOR).take(MAX_HOPS) {
        if walk_to(&mut client, element.and_then(hop), &is_trusted).is_none() {
            break;
        }
    }
    client
}

/// Returns the client, with its address from the header `name` and its scheme from `X-Forwarded-Proto`.
fn from_address(client: Forwarded, headers: &HeaderMap, name: HeaderName) -> Forwarded {
    let hop = single_value(headers, name).and_then(hop);
    let scheme = single_value(headers, X_FORWARDED_PROTO).and_then(Scheme::from_name);
    match hop {
        Some(Hop { address, port }) => Forwarded { address, port, scheme, ..client },
        None => Forwarded { scheme, ..client },
    }
}

/// Returns the port of the requested host. The default ports of http and https are left out. A host without a port
/// means one of these two ports. It is not certain which one: a proxy nearer to the client may have turned https into
/// http.
fn forwarded_port(headers: &HeaderMap) -> Option<u16> {
    let port = single_value(headers, X_FORWARDED_PORT).and_then(parse_port)?;
    (!matches!(port, 0 | 80 | 443)).then_some(port)
}

/// Adds a port to a host that names no port.
fn with_port(host: Option<&str>, port: u16) -> Option<String> {
    let Authority { host, port: None } = Authority::parse(host?)? else { return None };
    Some(format!("{host}:{port}"))
}

/// Returns the host of the request, from its target or from `Host`.
fn request_host<B>(request: &Request<B>) -> Option<&str> {
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    target.or_else(|| single_value(request.headers(), HOST))
}

/// Sets `client` to this hop, if the hop is known. Returns `None` if the hop is unknown or untrusted, because that ends
/// the search.
fn walk_to(
    client: &mut Forwarded,
    hop: Option<Hop>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<()> {
    let Hop { address, port } = hop?;
    client.address = address;
    client.port = port;
    is_trusted(address).then_some(())
}

/// Returns the last element of a list. No standard defines these headers, and quotes have no meaning in them.
fn last_value(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let line = headers.get_all(name).iter().next_back().map(HeaderValue::to_str)?.ok()?;
    line.rsplit(',').map(str::trim).next()
}

/// Returns the value of a header that may occur only once, or `None` if it is repeated.
fn single_value(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    match single(headers, name) {
        Single::Value(value) => Some(value),
        Single::Missing | Single::Malformed => None,
    }
}

/// Returns the text if it is a valid host. The host is later compared and written into headers.
fn valid_host(text: &str) -> Option<String> {
    Authority::parse(text).map(|_| text.to_owned())
}
