//! What proxies tell of a client: `Forwarded` (RFC 7239), `X-Forwarded-For` and those beside it, `X-Real-IP`,
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

/// How many hops are looked at, from the nearest on. No chain of proxies that one operator trusts is
/// nearly as long; a longer one is somebody's trial.
const MAX_HOPS: usize = 32;

/// Which headers the trusted proxies write. Only these are believed: a proxy passes the others on as
/// its client sent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Convention {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, which most proxies write.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP`, with `X-Forwarded-Proto` and `-Host` beside it, as nginx is often told to write them.
    XRealIp,
    /// `CF-Connecting-IP`, with `X-Forwarded-Proto` beside it, as Cloudflare writes them. It passes
    /// `X-Forwarded-Host` on as the client sent it, so that is not believed.
    CfConnectingIp,
}

/// A client as the proxies in front of the server tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarded {
    /// The address of the client, or of the last one that is known on the way to it. An IPv4
    /// address in IPv6's form (`::ffff:192.0.2.1`) is given as an IPv4 address.
    pub address: IpAddr,
    /// The client's port, where a proxy tells it.
    pub port: Option<u16>,
    /// The scheme by which the client reached the first trusted proxy.
    pub scheme: Option<Scheme>,
    /// The host, perhaps with a port, that the client asked for.
    pub host: Option<String>,
}

/// Finds the client behind the peer of a connection.
///
/// A peer that is not trusted is the client, whatever its headers tell. Behind a trusted peer the
/// hops are walked from the right, where the nearest proxy has written:
///
/// - A trusted hop is passed over; the first that is not trusted is the client. What stands to the
///   left of it was written by nobody who is trusted, and is not looked at.
/// - If all are trusted, the left-most is the client.
/// - A hop that is hidden (`unknown`, `_name`) or cannot be read ends the walk: the last one that was
///   known counts.
///
/// Scheme and host are those of the last element that could be read, even if it hides the address:
/// a trusted proxy wrote it.
///
/// Of `X-Forwarded-Proto` and `-Host` the last value counts. `X-Forwarded-Port` is the port of the host that
/// the client asked for, where that has none: of `X-Forwarded-Host`, or of the request's own host if the
/// proxies tell no other.
///
/// `X-Real-IP` and `CF-Connecting-IP` have one value, which is the client, and so has each header beside them.
/// One that is repeated is not believed: nobody knows which of them the proxy wrote.
///
/// A trusted proxy must set or remove **every** header of the convention: one that writes
/// `X-Forwarded-For` and passes `X-Forwarded-Host` on as it came lets each client tell what it likes.
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
        Convention::XForwarded => by_x_forwarded(client, request, is_trusted),
        Convention::Forwarded => by_forwarded(client, headers, is_trusted),
        Convention::XRealIp => {
            let host = only(headers, X_FORWARDED_HOST).and_then(known_host);
            Forwarded { host, ..by_address(client, headers, X_REAL_IP) }
        }
        Convention::CfConnectingIp => by_address(client, headers, CF_CONNECTING_IP),
    }
}

fn by_forwarded(
    mut client: Forwarded,
    headers: &HeaderMap,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Forwarded {
    for element in elements_from_the_right(headers, FORWARDED).take(MAX_HOPS) {
        let Some(Element { hop, scheme, host }) = element.and_then(Element::parse) else { break };
        client = Forwarded { scheme, host, ..client };
        if pass(&mut client, hop, &is_trusted).is_none() {
            break;
        }
    }
    client
}

fn by_x_forwarded<B>(
    mut client: Forwarded,
    request: &Request<B>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Forwarded {
    let headers = request.headers();
    client.scheme = last(headers, X_FORWARDED_PROTO).and_then(Scheme::from_name);
    client.host = last(headers, X_FORWARDED_HOST).and_then(known_host);
    if let Some(port) = told_port(headers) {
        client.host = with_port(client.host.as_deref().or(own_host(request)), port).or(client.host);
    }
    for element in elements_from_the_right(headers, X_FORWARDED_FOR).take(MAX_HOPS) {
        if pass(&mut client, element.and_then(hop), &is_trusted).is_none() {
            break;
        }
    }
    client
}

/// The client by a header that is its address, and its scheme.
fn by_address(client: Forwarded, headers: &HeaderMap, name: HeaderName) -> Forwarded {
    let hop = only(headers, name).and_then(hop);
    let scheme = only(headers, X_FORWARDED_PROTO).and_then(Scheme::from_name);
    match hop {
        Some(Hop { address, port }) => Forwarded { address, port, scheme, ..client },
        None => Forwarded { scheme, ..client },
    }
}

/// The port of the host that the client asked for. The ports of http and https are not told on: a host that
/// names none has them, whichever it is, and a proxy further out may have changed the one into the other.
fn told_port(headers: &HeaderMap) -> Option<u16> {
    let port = only(headers, X_FORWARDED_PORT).and_then(parse_port)?;
    (!matches!(port, 0 | 80 | 443)).then_some(port)
}

/// A host that names no port, with this one.
fn with_port(host: Option<&str>, port: u16) -> Option<String> {
    let Authority { host, port: None } = Authority::parse(host?)? else { return None };
    Some(format!("{host}:{port}"))
}

/// The host of the request itself: of its target, or of `Host`.
fn own_host<B>(request: &Request<B>) -> Option<&str> {
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    target.or_else(|| only(request.headers(), HOST))
}

/// Goes on to a hop if it is known; `None` if the walk ends there.
fn pass(
    client: &mut Forwarded,
    hop: Option<Hop>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<()> {
    let Hop { address, port } = hop?;
    client.address = address;
    client.port = port;
    is_trusted(address).then_some(())
}

/// The last element of a list. Quotes mean nothing in these headers, which no standard defines.
fn last(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let line = headers.get_all(name).iter().next_back().map(HeaderValue::to_str)?.ok()?;
    line.rsplit(',').map(str::trim).next()
}

/// The value of a header that may stand once; `None` if it stands more often.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    match single(headers, name) {
        Single::Value(value) => Some(value),
        Single::Missing | Single::Malformed => None,
    }
}

/// What is no host is not passed on to those who compare it and put it into headers.
fn known_host(text: &str) -> Option<String> {
    Authority::parse(text).map(|_| text.to_owned())
}
