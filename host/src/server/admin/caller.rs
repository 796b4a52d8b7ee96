//! Who may ask: programs of this machine, and pages of the admin address itself. A browser of this machine asks
//! for pages from everywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use http::{HeaderMap, Request, StatusCode, Version};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The port of an authority that names none, as only http is spoken here.
const HTTP_PORT: u16 = 80;

/// Why somebody is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RejectedCaller {
    /// RFC 9112 §3.2: there must be one.
    #[error("There must be one Host header, with a host and perhaps a port.")]
    Host,
    /// A page whose name was made to point to this machine (DNS rebinding) asks for that name.
    #[error(
        "The admin address has the names of this machine alone: ask for localhost or 127.0.0.1. The Host \
         header has another."
    )]
    OtherName,
    /// A page of another origin.
    #[error("The admin address is not for pages of other origins.")]
    OtherOrigin,
}

impl RejectedCaller {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::BAD_REQUEST,
            Self::OtherName | Self::OtherOrigin => StatusCode::FORBIDDEN,
        }
    }
}

/// Whether this request is to be answered at this address.
///
/// # Errors
///
/// [`Stranger`] says why not.
pub(super) fn check<B>(request: &Request<B>, address: SocketAddr) -> Result<(), RejectedCaller> {
    let host = host(request)?;
    if host.as_ref().is_some_and(|host| !host.is_of_this_machine(address)) {
        return Err(RejectedCaller::OtherName);
    }
    let headers = request.headers();
    // A browser that sends it says who asks: a page of this address, the person in front of it, or others. One
    // on another port of this machine is of the same site and another origin.
    let is_own_site = |state: &HeaderValue| state == "same-origin" || state == "none";
    if !headers.get_all(SEC_FETCH_SITE).iter().all(is_own_site)
        || !is_own_origin(headers, host.as_ref())
    {
        return Err(RejectedCaller::OtherOrigin);
    }
    Ok(())
}

/// An origin that is told must be that of this address.
fn is_own_origin(headers: &HeaderMap, host: Option<&Authority>) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        let authority = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        host.is_some() && authority.and_then(Authority::parse).as_ref() == host
    })
}

/// The host that is asked for; `None` over HTTP/1.0, which has none.
fn host<B>(request: &Request<B>) -> Result<Option<Authority>, RejectedCaller> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (Some(host), None) => Some(host.to_str().ok()),
        _ => return Err(RejectedCaller::Host),
    };
    // RFC 9112 §3.2.2: a target that has a host decides.
    let target = request.uri().authority().map(|authority| Some(authority.as_str()));
    match target.or(host) {
        None => Ok(None),
        Some(text) => text.and_then(Authority::parse).map(Some).ok_or(RejectedCaller::Host),
    }
}

/// A host and its port.
#[derive(Debug, PartialEq, Eq)]
struct Authority {
    host: Host,
    port: u16,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

impl Authority {
    fn parse(text: &str) -> Option<Self> {
        let (host, behind) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (address, behind) = bracketed.split_once(']')?;
                (Host::Address(address.parse::<Ipv6Addr>().ok()?.to_canonical()), behind)
            }
            None => {
                let (name, behind) = text.split_at(text.find(':').unwrap_or(text.len()));
                let host = match name.parse::<Ipv4Addr>() {
                    Ok(address) => Host::Address(address.into()),
                    Err(_) => Host::Name(name.to_ascii_lowercase()),
                };
                (host, behind)
            }
        };
        let port = match behind {
            // RFC 3986 §3.2.3: a port may be empty.
            "" | ":" => HTTP_PORT,
            port => port.strip_prefix(':').filter(|port| !port.starts_with('+'))?.parse().ok()?,
        };
        Some(Self { host, port })
    }

    /// A name that no page can have made to point here, or the address itself.
    fn is_of_this_machine(&self, address: SocketAddr) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Address(host) => {
                host.is_loopback() || SocketAddr::new(*host, self.port) == address
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[(&'static str, &str)]) -> Result<(), RejectedCaller> {
        let mut request = Request::new(());
        for (name, value) in lines {
            let value = HeaderValue::from_str(value).expect("a header value");
            request.headers_mut().append(*name, value);
        }
        check(&request, SocketAddr::from(([127, 0, 0, 1], 9090)))
    }

    #[test]
    fn names_of_this_machine_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:9090",
            "admin.localhost:1",
            "127.0.0.1:9090",
            "127.1.2.3",
            "127.0.0.1:",
            "[::1]:9090",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(answer(&[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_names_are_not_whoever_they_point_to() {
        for host in [
            "rebound.example.com:9090",
            "localhost.example.com",
            "evillocalhost",
            "127.0.0.1.example.com",
            "10.0.0.1:9090",
            "0.0.0.0:9090",
            "[::]",
            "[::2]:9090",
            "2130706433",
            "",
        ] {
            assert_eq!(answer(&[("host", host)]), Err(RejectedCaller::OtherName), "{host}");
        }
        for host in ["localhost:x", "localhost:+1", "localhost:99999", "[::1", "[::1]x", "[x]:1"] {
            assert_eq!(answer(&[("host", host)]), Err(RejectedCaller::Host), "{host}");
        }
        assert_eq!(answer(&[("host", "u@localhost")]), Err(RejectedCaller::OtherName));
        let twice = [("host", "localhost"), ("host", "rebound.example.com")];
        assert_eq!(answer(&twice), Err(RejectedCaller::Host));
        assert_eq!(answer(&[]), Err(RejectedCaller::Host));
        let elsewhere = SocketAddr::from(([10, 0, 0, 1], 9090));
        let mut request = Request::new(());
        request.headers_mut().insert(HOST, HeaderValue::from_static("10.0.0.1:9090"));
        assert_eq!(check(&request, elsewhere), Ok(()));
    }

    #[test]
    fn target_with_a_host_decides_and_http_1_0_needs_none() {
        let mut request = Request::new(());
        *request.version_mut() = Version::HTTP_10;
        let address = SocketAddr::from(([127, 0, 0, 1], 9090));
        assert_eq!(check(&request, address), Ok(()));
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        *request.uri_mut() = http::Uri::from_static("http://rebound.example.com/clients");
        assert_eq!(check(&request, address), Err(RejectedCaller::OtherName));
    }

    #[test]
    fn pages_of_the_address_itself_may_ask_and_no_others() {
        let host = ("host", "127.0.0.1:9090");
        let from = |origin, state| answer(&[host, ("origin", origin), ("sec-fetch-site", state)]);
        assert_eq!(from("http://127.0.0.1:9090", "same-origin"), Ok(()));
        assert_eq!(answer(&[host, ("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(answer(&[host, ("sec-fetch-site", "none")]), Ok(()));
        let default_port = [("host", "localhost"), ("origin", "http://localhost:80")];
        assert_eq!(answer(&default_port), Ok(()));
        for origin in [
            "http://127.0.0.1:8080",
            "http://localhost:9090",
            "https://127.0.0.1:9090",
            "http://127.0.0.1",
            "https://example.com",
            "null",
            "",
        ] {
            assert_eq!(from(origin, "same-origin"), Err(RejectedCaller::OtherOrigin), "{origin}");
        }
        for state in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
            let told = answer(&[host, ("sec-fetch-site", state)]);
            assert_eq!(told, Err(RejectedCaller::OtherOrigin), "{state}");
        }
        let own = ("sec-fetch-site", "same-origin");
        let twice = [host, own, ("sec-fetch-site", "cross-site")];
        assert_eq!(answer(&twice), Err(RejectedCaller::OtherOrigin));
    }
}
