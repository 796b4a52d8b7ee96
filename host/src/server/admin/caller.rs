//! Access to the admin address. If a token is configured, callers must know it. Otherwise, the host answers programs on
//! this machine, and web pages that it served itself. It always refuses the pages of any other origin, because a
//! browser on this machine runs pages from anywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use tokio::time::Instant;

use super::page::PAGE_PATHS;
use crate::config::AdminToken;
use crate::log_rate::{Line, LogRate};
use crate::server::response::{Body, text};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The scheme of a token, and the space after it.
const SCHEME: &[u8] = b"Bearer ";

/// The port of an authority that names no port. The admin address speaks only http.
const HTTP_PORT: u16 = 80;

/// The reason why a caller is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RejectedCaller {
    /// The Host header is missing, duplicated or malformed (RFC 9112 §3.2).
    #[error("There must be exactly one Host header, with a host and optionally a port.")]
    Host,
    /// The Host header names another machine. This happens, for example, when the owner of a web page makes the page's
    /// host name resolve to this machine (DNS rebinding).
    #[error(
        "The Host header does not name this machine. The admin address must be requested as localhost or \
         127.0.0.1."
    )]
    OtherName,
    /// The request comes from a page of another origin.
    #[error("The admin address does not answer requests from web pages of other origins.")]
    OtherOrigin,
    /// The admin address requires a token, and the request has none.
    #[error("This admin address needs its token: send the header Authorization: Bearer TOKEN.")]
    NoToken,
    /// The request's token is not the admin token.
    #[error("The token in the Authorization header is not the token of this admin address.")]
    WrongToken,
}

/// Limits the log lines about wrong tokens.
static WRONG_TOKEN: LogRate = LogRate::new();

impl RejectedCaller {
    fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::BAD_REQUEST,
            Self::OtherName | Self::OtherOrigin => StatusCode::FORBIDDEN,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
        }
    }

    /// Returns the response. If the token was wrong, logs this, because somebody may be trying to find the right one.
    pub(super) fn response(self, caller: SocketAddr) -> Response<Body> {
        if self == Self::WrongToken
            && let Some(Line { left_out }) = WRONG_TOKEN.line(Instant::now())
        {
            tracing::warn!(%caller, left_out, "a request to the admin address had a wrong token");
        }
        let mut response = text(self.status(), format!("{self}\n"));
        // RFC 6750 §3.
        let challenge = match self {
            Self::NoToken => "Bearer realm=\"ws-host\"",
            Self::WrongToken => "Bearer realm=\"ws-host\", error=\"invalid_token\"",
            Self::Host | Self::OtherName | Self::OtherOrigin => return response,
        };
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        response
    }
}

/// Checks that a request may be answered at this admin address. Health checks need no token.
///
/// # Errors
///
/// [`RejectedCaller`] if the request is refused.
pub(super) fn check<B>(
    request: &Request<B>,
    address: SocketAddr,
    token: Option<&AdminToken>,
) -> Result<(), RejectedCaller> {
    let host = host(request)?;
    let headers = request.headers();
    // A browser sets this header to say which page made the request: `same-origin` for a page of this address, and
    // `none` if the user entered the URL. A page on another port of this machine is `same-site`, and is refused.
    let is_allowed = |site: &HeaderValue| site == "same-origin" || site == "none";
    if !headers.get_all(SEC_FETCH_SITE).iter().all(is_allowed) {
        return Err(RejectedCaller::OtherOrigin);
    }
    if let Some(token) = token {
        // A browser never adds the token on its own. So a request with the token needs no check of Host and Origin.
        return match request.uri().path() {
            "/healthz" | "/readyz" => Ok(()),
            // The page holds no data. It asks its user for the token.
            path if PAGE_PATHS.contains(&path) => Ok(()),
            _ => check_token(headers, token),
        };
    }
    if host.as_ref().is_some_and(|host| !host.is_of_this_machine(address)) {
        return Err(RejectedCaller::OtherName);
    }
    if !is_own_origin(headers, host.as_ref()) {
        return Err(RejectedCaller::OtherOrigin);
    }
    Ok(())
}

/// Checks the Authorization header (RFC 6750 §2.1).
fn check_token(headers: &HeaderMap, token: &AdminToken) -> Result<(), RejectedCaller> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(credentials), None) = (all.next(), all.next()) else {
        return Err(RejectedCaller::NoToken);
    };
    let (scheme, presented) = match credentials.as_bytes().split_at_checked(SCHEME.len()) {
        Some((scheme, presented)) => (scheme, presented.trim_ascii()),
        None => return Err(RejectedCaller::NoToken),
    };
    match scheme.eq_ignore_ascii_case(SCHEME) {
        false => Err(RejectedCaller::NoToken),
        true if token.is(presented) => Ok(()),
        true => Err(RejectedCaller::WrongToken),
    }
}

/// Returns whether the Origin header is the origin of this address. Returns true if there is no such header.
fn is_own_origin(headers: &HeaderMap, host: Option<&Authority>) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        let authority = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        host.is_some() && authority.and_then(Authority::parse).as_ref() == host
    })
}

/// Returns the requested host, or `None` for an HTTP/1.0 request without a host.
fn host<B>(request: &Request<B>) -> Result<Option<Authority>, RejectedCaller> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (Some(host), None) => Some(host.to_str().ok()),
        _ => return Err(RejectedCaller::Host),
    };
    // RFC 9112 §3.2.2: the host of the request target takes precedence.
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
        let (host, rest) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed.split_once(']')?;
                (Host::Address(address.parse::<Ipv6Addr>().ok()?.to_canonical()), rest)
            }
            None => {
                let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
                let host = match name.parse::<Ipv4Addr>() {
                    Ok(address) => Host::Address(address.into()),
                    Err(_) => Host::Name(name.to_ascii_lowercase()),
                };
                (host, rest)
            }
        };
        let port = match rest {
            // RFC 3986 §3.2.3: a port may be empty.
            "" | ":" => HTTP_PORT,
            port => port.strip_prefix(':').filter(|port| !port.starts_with('+'))?.parse().ok()?,
        };
        Some(Self { host, port })
    }

    /// Returns whether this is the admin address itself, a loopback address, `localhost`, or a name below `localhost`.
    /// The host of any other website is none of these, even if its name resolves to this machine.
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

    fn checked(lines: &[(&'static str, &str)]) -> Result<(), RejectedCaller> {
        let mut request = Request::new(());
        for (name, value) in lines {
            let value = HeaderValue::from_str(value).expect("a header value");
            request.headers_mut().append(*name, value);
        }
        check(&request, SocketAddr::from(([127, 0, 0, 1], 9090)), None)
    }

    #[test]
    fn names_of_this_machine_are_accepted() {
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
            assert_eq!(checked(&[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_names_are_refused_even_if_they_resolve_to_this_machine() {
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
            assert_eq!(checked(&[("host", host)]), Err(RejectedCaller::OtherName), "{host}");
        }
        for host in ["localhost:x", "localhost:+1", "localhost:99999", "[::1", "[::1]x", "[x]:1"] {
            assert_eq!(checked(&[("host", host)]), Err(RejectedCaller::Host), "{host}");
        }
        assert_eq!(checked(&[("host", "u@localhost")]), Err(RejectedCaller::OtherName));
        let twice = [("host", "localhost"), ("host", "rebound.example.com")];
        assert_eq!(checked(&twice), Err(RejectedCaller::Host));
        assert_eq!(checked(&[]), Err(RejectedCaller::Host));
        let elsewhere = SocketAddr::from(([10, 0, 0, 1], 9090));
        let mut request = Request::new(());
        request.headers_mut().insert(HOST, HeaderValue::from_static("10.0.0.1:9090"));
        assert_eq!(check(&request, elsewhere, None), Ok(()));
    }

    #[test]
    fn host_of_the_target_takes_precedence_and_http_1_0_needs_none() {
        let mut request = Request::new(());
        *request.version_mut() = Version::HTTP_10;
        let address = SocketAddr::from(([127, 0, 0, 1], 9090));
        assert_eq!(check(&request, address, None), Ok(()));
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        *request.uri_mut() = http::Uri::from_static("http://rebound.example.com/clients");
        assert_eq!(check(&request, address, None), Err(RejectedCaller::OtherName));
    }

    #[test]
    fn only_pages_of_the_admin_address_itself_are_accepted() {
        let host = ("host", "127.0.0.1:9090");
        let from = |origin, site| checked(&[host, ("origin", origin), ("sec-fetch-site", site)]);
        assert_eq!(from("http://127.0.0.1:9090", "same-origin"), Ok(()));
        assert_eq!(checked(&[host, ("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(checked(&[host, ("sec-fetch-site", "none")]), Ok(()));
        let default_port = [("host", "localhost"), ("origin", "http://localhost:80")];
        assert_eq!(checked(&default_port), Ok(()));
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
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
            let answer = checked(&[host, ("sec-fetch-site", site)]);
            assert_eq!(answer, Err(RejectedCaller::OtherOrigin), "{site}");
        }
        let own = ("sec-fetch-site", "same-origin");
        let twice = [host, own, ("sec-fetch-site", "cross-site")];
        assert_eq!(checked(&twice), Err(RejectedCaller::OtherOrigin));
    }

    #[test]
    fn token_replaces_the_name_of_this_machine_but_pages_of_other_sites_are_refused() {
        let token = AdminToken::new("0123456789abcdef").expect("a token");
        let at = |path: &str, lines: &[(&'static str, &str)]| {
            let mut request = Request::new(());
            *request.uri_mut() = path.parse().expect("a path");
            for (name, value) in [("host", "admin.example.com")].iter().chain(lines) {
                let value = HeaderValue::from_str(value).expect("a header value");
                request.headers_mut().append(*name, value);
            }
            check(&request, SocketAddr::from(([10, 0, 0, 1], 9090)), Some(&token))
        };
        let right = ("authorization", "Bearer 0123456789abcdef");
        for line in [right, ("authorization", "bearer  0123456789abcdef")] {
            assert_eq!(at("/clients", &[line]), Ok(()), "{line:?}");
        }
        for none in ["", "Bearer", "Basic 0123456789abcdef", "0123456789abcdef"] {
            let answer = at("/clients", &[("authorization", none)]);
            assert_eq!(answer, Err(RejectedCaller::NoToken), "{none}");
        }
        assert_eq!(at("/clients", &[]), Err(RejectedCaller::NoToken));
        assert_eq!(at("/clients", &[right, right]), Err(RejectedCaller::NoToken));
        for wrong in ["Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef 0"] {
            let answer = at("/clients", &[("authorization", wrong)]);
            assert_eq!(answer, Err(RejectedCaller::WrongToken), "{wrong}");
        }
        for path in ["/healthz", "/readyz"] {
            assert_eq!(at(path, &[]), Ok(()), "{path}");
        }
        let site = ("sec-fetch-site", "same-site");
        assert_eq!(at("/clients", &[right, site]), Err(RejectedCaller::OtherOrigin));
        assert_eq!(at("/healthz", &[site]), Err(RejectedCaller::OtherOrigin));
    }
}
