//! The part of a URL that tells where to connect, and as whom: `user:password@host:port`.

use http::HeaderValue;

use crate::credentials::{self, Unsendable};

/// `user:password@host:port`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// User and password, as HTTP sends them.
    pub(crate) credentials: Option<HeaderValue>,
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
}

/// As it stands in a URL: a name, an IPv4 address, or an IPv6 address in brackets.
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
        // RFC 3986 §3.2: an @ in the user or the password is written %40.
        let (userinfo, place) = text.rsplit_once('@').unwrap_or(("", text));
        let host = authority.host();
        if host.is_empty() {
            return Err(AuthorityError::NoHost);
        }
        let port = match place[host.len()..].trim_start_matches(':') {
            "" => None,
            port => Some(port.parse().map_err(|_| AuthorityError::Port(port.to_owned()))?),
        };
        let credentials =
            credentials::basic(userinfo).map_err(|Unsendable| AuthorityError::User)?;
        Ok(Self { credentials, host: Host(host.to_owned()), port })
    }
}

impl Host {
    /// Without the brackets of an IPv6 address: for DNS and for TLS.
    pub(crate) fn name(&self) -> &str {
        let unbracketed = self.0.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        unbracketed.unwrap_or(&self.0)
    }

    /// With the brackets, where a port may follow.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
