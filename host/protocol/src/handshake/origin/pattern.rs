//! One entry of an origin list.

use super::Origin;
use crate::handshake::authority::{Authority, parse_host, parse_port, split_port};

/// An origin with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WebOrigin {
    scheme: String,
    pub(super) host: String,
    /// The port, or the default port of the scheme if the text has none.
    pub(super) port: Option<u16>,
}

impl WebOrigin {
    /// Parses `scheme://host` or `scheme://host:port`, with an optional trailing slash.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = split_scheme(text)?;
        // RFC 6454 §6.2: no colon without a port.
        if authority.ends_with(':') {
            return None;
        }
        let Authority { host, port } = Authority::parse(authority)?;
        let port = port.or(default_port(&scheme));
        Some(Self { scheme, host, port })
    }

    pub(super) fn default_port(&self) -> Option<u16> {
        default_port(&self.scheme)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Any,
    Null,
    Web { scheme: String, hosts: Hosts, ports: Ports },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    Any,
    One(String),
    /// All names with this suffix. The suffix begins with a dot, so only subdomains can have it.
    SubdomainsOf(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    Any,
    One(Option<u16>),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("any") {
            return Some(Self::Any);
        }
        if text.eq_ignore_ascii_case("null") {
            return Some(Self::Null);
        }
        let (scheme, authority) = split_scheme(text)?;
        let (host, port) = split_port(authority)?;
        let hosts = match host.strip_prefix('*') {
            Some("") => Hosts::Any,
            Some(suffix) => {
                let name = parse_host(suffix.strip_prefix('.')?)?;
                // A label must not be empty.
                if name.starts_with('.') {
                    return None;
                }
                Hosts::SubdomainsOf(format!(".{name}"))
            }
            None => Hosts::One(parse_host(host)?),
        };
        let ports = match port {
            Some("*") => Ports::Any,
            Some(port) => Ports::One(Some(parse_port(port)?)),
            None => Ports::One(default_port(&scheme)),
        };
        Some(Self::Web { scheme, hosts, ports })
    }

    pub(super) fn allows(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Any, _) | (Self::Null, Origin::Null) => true,
            (Self::Web { scheme, hosts, ports }, Origin::Web(page)) => {
                *scheme == page.scheme && hosts.contains(&page.host) && ports.contains(page.port)
            }
            (Self::Null | Self::Web { .. }, _) => false,
        }
    }
}

impl Hosts {
    fn contains(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == host,
            Self::SubdomainsOf(suffix) => {
                host.strip_suffix(suffix.as_str()).is_some_and(|subdomain| !subdomain.is_empty())
            }
        }
    }
}

impl Ports {
    fn contains(self, port: Option<u16>) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == port,
        }
    }
}

/// Returns the scheme (RFC 3986 §3.1) in lower case, and the text after `://`. `ws` and `wss` become `http` and
/// `https`, and a slash at the end is dropped. This is necessary because clients other than browsers derive an origin
/// from the URL that they connect to, and because people copy such a URL into a list.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.strip_suffix('/').unwrap_or(text).split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let scheme = match scheme.to_ascii_lowercase() {
        scheme if scheme == "ws" => "http".to_owned(),
        scheme if scheme == "wss" => "https".to_owned(),
        scheme => scheme,
    };
    is_scheme.then_some((scheme, rest))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}
