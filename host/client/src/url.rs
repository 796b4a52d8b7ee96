//! `ws:` and `wss:` URLs (RFC 6455 §3).

use std::fmt;

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};

use crate::authority::{Authority, AuthorityError, Host};
use crate::credentials::redact;

/// A parsed URL to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    /// The user and the password, as a value of the header `Authorization`.
    pub(crate) credentials: Option<HeaderValue>,
    host: Host,
    pub(crate) port: u16,
    resource: PathAndQuery,
}

/// Whether the connection uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ws,
    Wss,
}

/// Why a URL is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The text is not a complete URL. If the text contains a password, the error leaves it out.
    #[error("{0:?} is not a WebSocket URL; write ws://host[:port]/path?query")]
    Malformed(String),
    /// The scheme is neither `ws` nor `wss`.
    #[error("a WebSocket URL must begin with ws:// or wss://, not with {0}://")]
    Scheme(String),
    /// The user name contains a colon, or the user or the password contains control characters (RFC 7617 §2).
    #[error(
        "the user or the password of the URL contains a character that Basic authentication \
         cannot send: a colon in the user, or a control character"
    )]
    User,
    /// The port is not a number up to 65535.
    #[error("{0:?} is not a port; write ws://host[:port]/path?query")]
    Port(String),
    /// The URL has a fragment, which has no meaning in a WebSocket URL (§3).
    #[error("a WebSocket URL must not have a fragment; write %23 for a # that belongs to the path")]
    Fragment,
}

impl Scheme {
    /// Returns the port to use if a URL names none (§3).
    fn default_port(self) -> u16 {
        match self {
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let malformed = || UrlError::Malformed(redact(text));
        // A fragment must be refused here, because `Uri` would silently drop it.
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
        let Authority { credentials, host, port } =
            Authority::read(&authority).map_err(|error| match error {
                AuthorityError::NoHost => malformed(),
                AuthorityError::User => UrlError::User,
                // If a password contains a slash, the part before the slash looks like a port.
                AuthorityError::Port(_) if text.contains('@') => malformed(),
                AuthorityError::Port(port) => UrlError::Port(port),
            })?;
        let port = port.unwrap_or(scheme.default_port());
        let resource = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { scheme, credentials, host, port, resource })
    }

    /// Returns the host without the brackets of an IPv6 address, for DNS and for TLS.
    pub(crate) fn host(&self) -> &str {
        self.host.name()
    }

    /// Returns the target of a `CONNECT` request (RFC 9110 §9.3.6). It is the host, always with the port.
    pub(crate) fn target(&self) -> String {
        format!("{}:{}", self.host.as_str(), self.port)
    }

    /// Returns the value of the header `Host` (§4.1). It contains the port, unless that is the default port of the
    /// scheme.
    pub(crate) fn host_header(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.as_str().to_owned()
        } else {
            self.target()
        }
    }

    /// Returns whether both URLs name the same server: the same scheme, host and port.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        (self.scheme, self.port) == (other.scheme, other.port)
            && self.host.as_str().eq_ignore_ascii_case(other.host.as_str())
    }

    /// Returns the path and the query.
    pub(crate) fn resource(&self) -> Uri {
        Uri::from(self.resource.clone())
    }
}

/// Writes the URL without the user and the password.
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
    fn invalid_urls_are_reported_with_advice() {
        for (text, advice) in [
            ("localhost:8080", "ws://host[:port]/path?query"),
            ("/path", "ws://host[:port]/path?query"),
            ("ws://", "ws://host[:port]/path?query"),
            ("ws://a b/", "ws://host[:port]/path?query"),
            ("http://h/", "must begin with ws:// or wss://, not with http://"),
            ("ws://h/#part", "must not have a fragment"),
            ("ws://us%3Aer:secret@h/", "a colon in the user"),
            ("ws://h:65536/", "is not a port"),
            ("ws://h:http/", "ws://host[:port]/path?query"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn user_and_password_are_only_for_the_server() {
        let url = Url::parse("wss://me:secret@h:8443/x").unwrap();
        assert_eq!(url.credentials.as_ref().unwrap(), "Basic bWU6c2VjcmV0");
        assert_eq!((url.host(), &*url.host_header()), ("h", "h:8443"));
        assert_eq!(url.to_string(), "wss://h:8443/x");
        assert!(!format!("{url:?}").contains("bWU6"));
        assert_eq!(Url::parse("ws://@h/").unwrap().credentials, None);
    }

    #[test]
    fn error_does_not_repeat_a_password() {
        for text in
            ["me:secret@h", "ws://me:se/cret@h/", "ws://me:70000/cret@h/", "ws://me:s cret@h/"]
        {
            let error =
                Url::parse(text).map_or_else(|error| format!("{error:?}"), |url| url.to_string());
            assert!(!error.contains("cret@") && !error.contains("70000"), "{text}: {error}");
        }
    }
}
