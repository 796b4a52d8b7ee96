//! The origins of web pages that may connect (RFC 6455 §10.2, RFC 6454).

mod pattern;

use pattern::{Pattern, WebOrigin};

use super::authority::Authority;

/// The allowed origins.
///
/// Only browsers reliably send a truthful `Origin`. Any other client can send anything or nothing. So the check
/// protects browser users from pages that connect in the users' name, with their cookies and from inside their network.
/// It does not authenticate clients.
///
/// The rules and their reasons:
///
/// - **The same host is always allowed.** A page may connect to the host and port that it came from. By default, no
///   other page is allowed. The scheme is not compared, because a proxy may have terminated the encryption. The check
///   does not stop a page whose host name was made to resolve to this server (DNS rebinding). Against such pages,
///   restrict the served host names before this check, or require credentials.
/// - **A request without an origin is allowed**, because programs other than browsers send no origin, and no page can
///   omit its origin. On a server that is meant only for web pages, use [`require`](Self::require) to
///   refuse such requests.
/// - **`null` is refused** unless it is listed. Every sandboxed frame and every file has this origin, so allowing
///   `null` allows anyone's pages. `file://`, which some embedded browsers send, counts as `null`.
/// - **Text that is not an origin is refused**, unless any origin is allowed (`any`). No browser sends such text.
/// - **`ws` and `wss` count as `http` and `https`**, and one trailing slash is ignored, both in the list and in the
///   request. The reason is that programs other than browsers derive an origin from the URL that they connect to.
///
/// Schemes, hosts and ports are compared as a whole, never by prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    listed: Vec<Pattern>,
    missing: MissingOrigin,
}

/// The policy for a request without an origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MissingOrigin {
    #[default]
    Allowed,
    Refused,
}

/// The error for text that is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: expected any, null, an origin such as https://app.example.com:8443, or a \
     pattern such as https://*.example.com, https://* or http://localhost:*"
)]
pub struct InvalidOrigin(String);

impl Origins {
    /// Allows whatever origin a client sends, even `null` or text that is not an origin.
    pub fn any() -> Self {
        Self { listed: vec![Pattern::Any], missing: MissingOrigin::Allowed }
    }

    /// Allows pages of the same host and of the listed origins. Each entry has one of these forms:
    ///
    /// | Text | allows |
    /// |---|---|
    /// | `any` | whatever origin a client sends, even `null` or text that is not an origin |
    /// | `null` | sandboxed pages and files |
    /// | `https://app.example.com`, `http://localhost:8080` | this origin |
    /// | `https://*.example.com` | every subdomain of this name, but not the name itself |
    /// | `https://*` | every host of this scheme |
    /// | `http://localhost:*` | every port of this host |
    ///
    /// Without a port, the default port of the scheme applies. This is also true for patterns: only `https://*:*`
    /// allows every host on every port. `same-host` may be listed but has no effect, because the same host is always
    /// allowed.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`] for the first text that has none of these forms.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidOrigin> {
        let mut listed = Vec::new();
        for text in texts {
            if !text.eq_ignore_ascii_case("same-host") {
                listed.push(Pattern::parse(text).ok_or_else(|| InvalidOrigin(text.to_owned()))?);
            }
        }
        Ok(Self { listed, missing: MissingOrigin::Allowed })
    }

    /// Refuses requests without an origin.
    #[must_use]
    pub fn require(mut self) -> Self {
        self.missing = MissingOrigin::Refused;
        self
    }

    /// Returns whether a request with this origin is allowed. `host` is the host that the client requested: the `Host`
    /// of the request, or the host that a trusted proxy reports.
    #[must_use]
    pub fn allow(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else { return self.missing == MissingOrigin::Allowed };
        let origin = Origin::parse(origin);
        self.listed.iter().any(|pattern| pattern.allows(&origin))
            || matches!(&origin, Origin::Web(page) if is_same_host(page, host))
    }
}

/// The origin that a client sent.
#[derive(Debug)]
enum Origin {
    /// An origin that is not equal to any other, not even to itself (RFC 6454 §4).
    Null,
    Web(WebOrigin),
    /// Text that is not an origin.
    Malformed,
}

impl Origin {
    fn parse(text: &str) -> Self {
        match text {
            "null" | "file://" => Self::Null,
            _ => WebOrigin::parse(text).map_or(Self::Malformed, Self::Web),
        }
    }
}

/// Returns whether a page comes from the same host. Only http and https pages have a host. In other schemes, the text
/// in place of the host may mean anything.
fn is_same_host(page: &WebOrigin, host: &str) -> bool {
    let (Some(default_port), Some(host)) = (page.default_port(), Authority::parse(host)) else {
        return false;
    };
    page.host == host.host && page.port == host.port.or(Some(default_port))
}
