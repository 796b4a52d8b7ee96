//! Servers to which handlers may send HTTP requests or open WebSockets.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// Marks a server whose address is allowed to be in a private network.
const PRIVATE: &str = "private";

/// A server that handlers may use. A grant that allows HTTP requests is written as `https://api.example.com` or
/// `http://127.0.0.1:8081`, and a grant that allows WebSockets as `wss://api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpServer {
    /// `https` or `http`, or `wss` or `ws`.
    pub scheme: Scheme,
    /// The name in lower case, or the address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Which addresses the name may resolve to.
    pub reach: Reach,
}

/// Which addresses a server's name may resolve to. This has no effect for a server that is given by its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Only public addresses. `localhost` may resolve to loopback addresses.
    #[default]
    Public,
    /// Any address, including those of this machine and of private networks.
    Anywhere,
}

impl HttpServer {
    /// Parses `URL` or `URL private`.
    ///
    /// # Errors
    ///
    /// A message that says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (url, reach) = match text.split_once(' ') {
            None => (text, Reach::Public),
            Some((url, PRIVATE)) => (url, Reach::Anywhere),
            Some(_) => return Err("only the word `private` may follow the URL"),
        };
        if url.contains('*') {
            return Err("every host must be named: patterns are not supported");
        }
        let uri: Uri = url
            .parse()
            .map_err(|_| "it is not a URL; write a name with non-ASCII letters in its xn-- form")?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err("it must be https://HOST, http://HOST, wss://HOST or ws://HOST");
        };
        if authority.as_str().contains('@') {
            return Err(
                "it must not contain a user: the handler sets the header `authorization` itself",
            );
        }
        if uri.path() != "/" || uri.query().is_some() || url.contains('#') {
            return Err("a grant covers the whole host: leave the path out");
        }
        let (Some(port), false) = (port(&uri), authority.host().is_empty()) else {
            return Err("the host or the port is invalid");
        };
        Ok(Self { scheme: scheme.clone(), host: normal_host(authority.host()), port, reach })
    }

    /// Returns whether connections to the server use TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.scheme.as_str(), "https" | "wss")
    }

    /// Returns whether a request to this URL goes to the server.
    pub(crate) fn serves(&self, uri: &Uri) -> bool {
        uri.scheme() == Some(&self.scheme)
            && port(uri) == Some(self.port)
            && uri.host().is_some_and(|host| normal_host(host) == self.host)
    }
}

/// Returns the port of a URL. If the URL names no port, returns the default port of its scheme. Returns `None` if the
/// port is invalid.
fn port(uri: &Uri) -> Option<u16> {
    let authority = uri.authority()?;
    match authority.port_u16() {
        Some(port) => Some(port).filter(|port| *port > 0),
        // The authority contains something besides the host, but no valid port.
        None if authority.as_str().len() > authority.host().len() => None,
        None => default_port(uri.scheme()?),
    }
}

fn default_port(scheme: &Scheme) -> Option<u16> {
    match scheme.as_str() {
        "https" | "wss" => Some(443),
        "http" | "ws" => Some(80),
        _ => None,
    }
}

/// Returns the canonical form of a host. Hosts are compared in this form.
fn normal_host(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare.and_then(|bare| bare.parse::<Ipv6Addr>().ok()) {
        Some(address) => address.to_string(),
        None => host.to_ascii_lowercase(),
    }
}

impl fmt::Display for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        match self.host.parse() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            _ => f.write_str(&self.host)?,
        }
        if default_port(&self.scheme) != Some(self.port) {
            write!(f, ":{}", self.port)?;
        }
        match self.reach {
            Reach::Public => Ok(()),
            Reach::Anywhere => write!(f, " {PRIVATE}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(grant: &str, url: &str) -> bool {
        let server = HttpServer::parse(grant).expect("a grant");
        server.serves(&url.parse().expect("a URL"))
    }

    #[test]
    fn server_is_one_scheme_host_and_port() {
        let granted = "https://api.example.com";
        for url in ["https://api.example.com/", "https://API.example.com:443/a?b"] {
            assert!(serves(granted, url), "{url}");
        }
        for url in [
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://example.com/",
            "https://a.api.example.com/",
            "https://api.example.com./",
            "https://api.example.com.evil.example/",
            "https://api.example.com:0/",
            "wss://api.example.com/",
        ] {
            assert!(!serves(granted, url), "{url}");
        }
        assert!(serves("http://[::1]:8081", "http://[0:0::1]:8081/"));
        assert!(!serves("http://127.0.0.1", "http://127.1/"));
        assert!(serves("wss://api.example.com", "wss://api.example.com:443/chat"));
        assert!(!serves("wss://api.example.com", "ws://api.example.com:443/"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("https://api.example.com/v1", "leave the path out"),
            ("https://api.example.com?a", "leave the path out"),
            ("https://me@api.example.com", "user"),
            ("https://*.example.com", "patterns"),
            ("https://r\u{e4}ume.example", "xn--"),
            ("https://api.example.com public", "`private`"),
            ("http://localhost:0", "port"),
            ("http://localhost:99999", "port"),
            ("http://:80", ""),
        ] {
            let error = HttpServer::parse(text).expect_err(text);
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
