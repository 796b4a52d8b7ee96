//! What proxies tell of a client: `Forwarded` (RFC 7239) and `X-Forwarded-For`, `-Proto`, `-Host`.

mod element;

use core::net::IpAddr;

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};

use super::Scheme;
use super::authority::Authority;
use element::{Element, Hop, elements_from_the_right, hop};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// How many hops are looked at, from the nearest on. No chain of proxies that one operator trusts is
/// nearly as long; a longer one is somebody's trial.
const MAX_HOPS: usize = 32;

/// Which headers the trusted proxies write. Only these are believed: a proxy passes the others on as
/// its client sent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Convention {
    /// `X-Forwarded-For`, `-Proto` and `-Host`, which most proxies write.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// A client as the proxies in front of the server tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
/// Of `X-Forwarded-Proto` and `-Host` the last value counts.
///
/// A trusted proxy must set or remove **every** header of the convention: one that writes
/// `X-Forwarded-For` and passes `X-Forwarded-Host` on as it came lets each client tell what it likes.
pub fn client(
    headers: &HeaderMap,
    peer: IpAddr,
    convention: Convention,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Forwarded {
    let peer = peer.to_canonical();
    let client = Forwarded { address: peer, port: None, scheme: None, host: None };
    if !is_trusted(peer) {
        return client;
    }
    match convention {
        Convention::XForwarded => by_x_forwarded(client, headers, is_trusted),
        Convention::Forwarded => by_forwarded(client, headers, is_trusted),
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

fn by_x_forwarded(
    mut client: Forwarded,
    headers: &HeaderMap,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Forwarded {
    client.scheme = last(headers, X_FORWARDED_PROTO).and_then(Scheme::from_name);
    client.host = last(headers, X_FORWARDED_HOST).and_then(known_host);
    for element in elements_from_the_right(headers, X_FORWARDED_FOR).take(MAX_HOPS) {
        if pass(&mut client, element.and_then(hop), &is_trusted).is_none() {
            break;
        }
    }
    client
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

/// What is no host is not passed on to those who compare it and put it into headers.
fn known_host(text: &str) -> Option<String> {
    Authority::parse(text).map(|_| text.to_owned())
}
