//! `ws:` and `wss:` URLs (RFC 6455 §3).

use std::fmt;

use http::Uri;
use http::uri::PathAndQuery;

/// A URL to connect to, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    /// As it stands in the URL: a name, an IPv4 address, or an IPv6 address in brackets.
    host: String,
    pub(crate) port: u16,
    resource: PathAndQuery,
}

/// Whether the connection is over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ws,
    Wss,
}

/// Why a URL is none to connect to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is no URL at all, or only a part of one.
    #[error("{0:?} is not a WebSocket URL; write ws://host[:port]/path?query")]
    Malformed(String),
    /// Another scheme than `ws` or `wss`.
    #[error("a WebSocket URL begins with ws:// or wss://, not with {0}://")]
    Scheme(String),
    /// A user name or a password, which have no place in the handshake.
    #[error("a WebSocket URL names no user; send a header Authorization instead")]
    User,
    /// The port is no number up to 65535.
    #[error("{0:?} is not a port; write ws://host[:port]/path?query")]
    Port(String),
    /// §3: fragment identifiers are meaningless here.
    #[error("a WebSocket URL has no fragment; write %23 for a # that belongs to the path")]
    Fragment,
}

impl Scheme {
    /// §3: the port where the URL has none.
    fn default_port(self) -> u16 {
        match self {
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let malformed = || UrlError::Malformed(text.to_owned());
        // `Uri` would drop it in silence.
        if text.contains('#') {
            return Err(UrlError::Fragment);
        }
        let parts = text.parse::<Uri>().map_err(|_| malformed())?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(malformed());
        };
        let scheme = match scheme.as_str() {
            ws if ws.eq_ignore_ascii_case("ws") => Scheme::Ws,
            wss if wss.eq_ignore_ascii_case("wss") => Scheme::Wss,
            other => return Err(UrlError::Scheme(other.to_owned())),
        };
        if authority.as_str().contains('@') {
            return Err(UrlError::User);
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(malformed());
        }
        let port = match authority.as_str()[host.len()..].trim_start_matches(':') {
            "" => scheme.default_port(),
            port => port.parse().map_err(|_| UrlError::Port(port.to_owned()))?,
        };
        let resource = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { scheme, host: host.to_owned(), port, resource })
    }

    /// The host without the brackets of an IPv6 address: for DNS and for TLS.
    pub(crate) fn host(&self) -> &str {
        let unbracketed = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        unbracketed.unwrap_or(&self.host)
    }

    /// The header `Host` (§4.1): with the port unless it is the scheme's own.
    pub(crate) fn host_header(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether both are of the same server: scheme, host and port.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        (self.scheme, self.port) == (other.scheme, other.port)
            && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// What the request asks for: path and query.
    pub(crate) fn resource(&self) -> Uri {
        Uri::from(self.resource.clone())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        };
        write!(f, "{scheme}://{}{}", self.host_header(), self.resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Scheme, String, u16, String, String) {
        let url = Url::parse(text).unwrap();
        (url.scheme, url.host().to_owned(), url.port, url.host_header(), url.resource().to_string())
    }

    fn expect(text: &str, scheme: Scheme, host: &str, port: u16, header: &str, resource: &str) {
        let expected = (scheme, host.into(), port, header.into(), resource.into());
        assert_eq!(parsed(text), expected, "{text}");
    }

    #[test]
    fn ports_and_paths_have_defaults() {
        expect("ws://example.com", Scheme::Ws, "example.com", 80, "example.com", "/");
        expect("wss://example.com/a?b=c", Scheme::Wss, "example.com", 443, "example.com", "/a?b=c");
        expect("ws://example.com:/", Scheme::Ws, "example.com", 80, "example.com", "/");
        expect("WS://h?q", Scheme::Ws, "h", 80, "h", "/?q");
    }

    #[test]
    fn host_header_has_the_port_unless_it_is_the_default() {
        expect("ws://h:443/", Scheme::Ws, "h", 443, "h:443", "/");
        expect("wss://h:443/", Scheme::Wss, "h", 443, "h", "/");
    }

    #[test]
    fn ipv6_address_is_bracketed_in_the_header_only() {
        expect("ws://[::1]:8080/", Scheme::Ws, "::1", 8080, "[::1]:8080", "/");
        expect("ws://[::1]", Scheme::Ws, "::1", 80, "[::1]", "/");
    }

    #[test]
    fn wrong_urls_say_what_is_right() {
        for (text, advice) in [
            ("localhost:8080", "ws://host[:port]/path?query"),
            ("/path", "ws://host[:port]/path?query"),
            ("ws://", "ws://host[:port]/path?query"),
            ("ws://a b/", "ws://host[:port]/path?query"),
            ("http://h/", "begins with ws:// or wss://, not with http://"),
            ("ws://h/#part", "no fragment"),
            ("ws://user:secret@h/", "Authorization"),
            ("ws://h:65536/", "is not a port"),
            ("ws://h:http/", "ws://host[:port]/path?query"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn error_does_not_repeat_a_password() {
        let error = Url::parse("ws://user:secret@h/").unwrap_err();
        assert!(!format!("{error:?}").contains("secret"));
    }
}
