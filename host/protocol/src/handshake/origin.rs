//! From which web pages a browser may connect (RFC 6455 §10.2, RFC 6454).

/// The origins that are let in.
///
/// Only browsers send an `Origin`, and they send a true one; any other client can send what it
/// likes or nothing. So this protects the users of browsers against pages that connect in their
/// name. It is no authentication, and a request without an origin is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages of the same host and port as the request's `Host`. The safe default.
    #[default]
    SameHost,
    /// Every page of the web, and `null`.
    Any,
    /// Pages of these origins, in the form that [`Origins::parse`] gives them, and of the same host.
    Listed(Vec<String>),
}

/// Text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin: expected scheme://host or scheme://host:port and nothing after it")]
pub struct InvalidOrigin(String);

impl Origins {
    /// One origin as people write it, in the form that a browser sends.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`] if there is no scheme, no host, or anything after the port.
    pub fn parse(origin: &str) -> Result<String, InvalidOrigin> {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        match authority(&origin) {
            Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
                Ok(without_default_port(&origin).to_owned())
            }
            _ => Err(InvalidOrigin(origin)),
        }
    }

    /// Whether a request with this origin and this `Host` is let in.
    pub fn allow(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else { return true };
        let origin = origin.to_ascii_lowercase();
        match self {
            Self::Any => true,
            Self::SameHost => is_same_host(&origin, host),
            // Whole origins are compared, so that none admits a longer one that begins with it.
            Self::Listed(listed) => {
                listed.iter().any(|allowed| allowed == without_default_port(&origin))
                    || is_same_host(&origin, host)
            }
        }
    }
}

fn is_same_host(origin: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(default_port(origin)).unwrap_or(&host);
    authority(without_default_port(origin)) == Some(host)
}

fn authority(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| authority)
}

fn without_default_port(origin: &str) -> &str {
    origin.strip_suffix(default_port(origin)).unwrap_or(origin)
}

fn default_port(origin: &str) -> &'static str {
    if origin.starts_with("https://") { ":443" } else { ":80" }
}
