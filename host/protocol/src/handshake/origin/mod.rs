//! From which web pages a browser may connect (RFC 6455 §10.2, RFC 6454).

mod pattern;

use pattern::{Pattern, Web};

use super::authority::Authority;

/// The origins that are let in.
///
/// Only browsers send an `Origin`, and they send a true one; any other client can send what it
/// likes or nothing. So this protects the users of browsers against pages that connect in their
/// name, with their cookies and from inside their network. It is no authentication of clients.
///
/// What is decided here, and why:
///
/// - **The same host is always let in**, and it alone by default: a page of the host and port that
///   the client asked for. Its scheme is not compared, as a proxy may have taken the encryption off.
///   Against a page whose name was made to point to this server (DNS rebinding) this does not help:
///   name the hosts that are served in front of it, or ask for credentials.
/// - **A request without an origin is let in**, because programs that are no browsers send none and
///   no page can leave it out. After [`require`](Self::require) it is refused, for a server that
///   only pages use.
/// - **`null` is refused** unless it is listed. Every sandboxed frame and every file has this origin,
///   so that whoever lets it in lets in everybody's pages. `file://`, which some embedded browsers
///   send, counts as `null`.
/// - **Anything that is no origin is refused**, unless any origin is let in (`any`): no browser sends it.
/// - **`ws` and `wss` count as `http` and `https`**, and one slash at the end is dropped, both in the list
///   and in what a client sends: programs that are no browsers make an origin of the address that they
///   connect to.
///
/// Schemes, hosts and ports are compared whole, never as the beginnings of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    listed: Vec<Pattern>,
    missing: Missing,
}

/// What is done with a request that has no origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Missing {
    #[default]
    LetIn,
    Refused,
}

/// Text that names no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no origin: expected any, null, an origin such as https://app.example.com:8443, or a \
     pattern such as https://*.example.com, https://* or http://localhost:*"
)]
pub struct InvalidOrigin(String);

impl Origins {
    /// Whatever a client sends: every page of the web, `null`, and what is no origin at all.
    pub fn any() -> Self {
        Self { listed: vec![Pattern::Any], missing: Missing::LetIn }
    }

    /// Pages of the same host, and of the origins that are listed, each in one of these forms:
    ///
    /// | Text | lets in |
    /// |---|---|
    /// | `any` | every page, `null`, and what is no origin at all |
    /// | `null` | sandboxed pages and files |
    /// | `https://app.example.com`, `http://localhost:8080` | this origin |
    /// | `https://*.example.com` | every name below this one, not the name itself |
    /// | `https://*` | every host of this scheme |
    /// | `http://localhost:*` | every port of this host |
    ///
    /// Without a port the scheme's own is meant, in patterns too: `https://*:*` is every host on
    /// every port. `same-host` may be listed and says what is so anyway.
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
        Ok(Self { listed, missing: Missing::LetIn })
    }

    /// The same, but a request without an origin is refused.
    #[must_use]
    pub fn require(mut self) -> Self {
        self.missing = Missing::Refused;
        self
    }

    /// Whether a request with this origin is let in, `host` being what the client asked for: the
    /// request's `Host`, or what a trusted proxy tells of it.
    #[must_use]
    pub fn allow(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else { return self.missing == Missing::LetIn };
        let origin = Origin::parse(origin);
        self.listed.iter().any(|pattern| pattern.allows(&origin))
            || matches!(&origin, Origin::Web(page) if is_same_host(page, host))
    }
}

/// What a client sent as its origin.
#[derive(Debug)]
enum Origin {
    /// One that equals no other, not even itself (RFC 6454 §4).
    Null,
    Web(Web),
    /// Text that names no origin.
    Odd,
}

impl Origin {
    fn parse(text: &str) -> Self {
        match text {
            "null" | "file://" => Self::Null,
            _ => Web::parse(text).map_or(Self::Odd, Self::Web),
        }
    }
}

/// Only http and https have pages of a host: what another scheme calls a host may be anything.
fn is_same_host(page: &Web, host: &str) -> bool {
    let (Some(default_port), Some(host)) = (page.default_port(), Authority::parse(host)) else {
        return false;
    };
    page.host == host.host && page.port == host.port.or(Some(default_port))
}
