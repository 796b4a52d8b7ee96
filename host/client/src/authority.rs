//! The part of a URL that names the server and the user: `user:password@host:port`.

use http::HeaderValue;

use crate::credentials::{self, InvalidCredentials};

/// A parsed `user:password@host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// The user and the password, encoded for Basic authentication.
    pub(crate) credentials: Option<HeaderValue>,
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
}

/// A host as written in a URL: a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host(String);

/// What is wrong with an authority.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AuthorityError {
    NoHost,
    Port(String),
    User,
}

impl Authority {
    pub(crate) fn read(authority: &http::uri::Authority) -> Result<Self, AuthorityError> {
        let text = authority.as_str();
        // RFC 3986 §3.2: an @ in the user or the password must be written as %40.
        let (userinfo, location) = text.rsplit_once('@').unwrap_or(("", text));
        let host = authority.host();
        if host.is_empty() {
            return Err(AuthorityError::NoHost);
        }
        let port = match location[host.len()..].trim_start_matches(':') {
            "" => None,
            port => Some(port.parse().map_err(|_| AuthorityError::Port(port.to_owned()))?),
        };
        let credentials =
            credentials::basic_auth(userinfo).map_err(|InvalidCredentials| AuthorityError::User)?;
        Ok(Self { credentials, host: Host(host.to_owned()), port })
    }
}

impl Host {
    /// Returns the host without the brackets of an IPv6 address, for DNS and for TLS.
    pub(crate) fn name(&self) -> &str {
        let unbracketed = self.0.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        unbracketed.unwrap_or(&self.0)
    }

    /// Returns the host with the brackets of an IPv6 address, so that a port can follow.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
