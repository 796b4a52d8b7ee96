//! Requests to the admin address, parsed from method and URI.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use ws_host_protocol::CloseCode;

use crate::server::host::{CLOSED_BY_THE_OPERATOR, Recipient, StatusQuery};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AdminRequest {
    Status(StatusQuery),
    Health,
    Readiness,
    Metrics,
    Resources,
    Clients,
    Cluster,
    Reload,
    RollBack,
    Remove { resource: String },
    Close { client: u64 },
    Send { resource: String, to: Recipient },
    Publish { resource: String, topic: String },
    CountTagged { resource: String, tag: String },
    SendTagged { resource: String, tag: String },
    CloseTagged { resource: String, tag: String, with: CloseParameters },
}

/// The close code and the reason with which clients are closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CloseParameters {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Default for CloseParameters {
    fn default() -> Self {
        Self { code: CloseCode::GOING_AWAY.number(), reason: CLOSED_BY_THE_OPERATOR.into() }
    }
}

impl AdminRequest {
    /// Parses a request. Returns `None` if there is no such request.
    pub(super) fn parse(method: &Method, uri: &Uri) -> Option<Self> {
        let path: Vec<String> = uri.path().split('/').skip(1).map(decode).collect::<Option<_>>()?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        Some(match (method.as_str(), &path[..]) {
            ("GET", ["status"]) => Self::Status(status_query(uri.query())?),
            ("GET", ["healthz"]) => Self::Health,
            ("GET", ["readyz"]) => Self::Readiness,
            ("GET", ["metrics"]) => Self::Metrics,
            ("GET", ["resources"]) => Self::Resources,
            ("GET", ["clients"]) => Self::Clients,
            ("GET", ["cluster"]) => Self::Cluster,
            ("POST", ["reload"]) => Self::Reload,
            ("POST", ["rollback"]) => Self::RollBack,
            ("DELETE", ["resources", name]) => Self::Remove { resource: (*name).to_owned() },
            ("DELETE", ["clients", number]) => Self::Close { client: number.parse().ok()? },
            ("POST", ["resources", name, "messages"]) => {
                Self::Send { resource: (*name).to_owned(), to: recipient(uri.query())? }
            }
            ("POST", ["resources", name, "topics", topic]) => {
                Self::Publish { resource: (*name).to_owned(), topic: (*topic).to_owned() }
            }
            (method, ["resources", name, "tags", tag]) => {
                let (resource, tag) = ((*name).to_owned(), (*tag).to_owned());
                match method {
                    "GET" => Self::CountTagged { resource, tag },
                    "POST" => Self::SendTagged { resource, tag },
                    "DELETE" => {
                        Self::CloseTagged { resource, tag, with: close_parameters(uri.query())? }
                    }
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// Returns whether the request may have to wait: for a handler, for a lock, or for its own body.
    pub(super) fn is_long(&self) -> bool {
        match self {
            Self::Status(_)
            | Self::Health
            | Self::Readiness
            | Self::Metrics
            | Self::Resources
            | Self::Clients
            | Self::Cluster
            | Self::Close { .. }
            | Self::CountTagged { .. } => false,
            Self::Reload
            | Self::RollBack
            | Self::Remove { .. }
            | Self::Send { .. }
            | Self::Publish { .. }
            | Self::SendTagged { .. }
            | Self::CloseTagged { .. } => true,
        }
    }
}

fn recipient(query: Option<&str>) -> Option<Recipient> {
    match query.unwrap_or_default().split_once('=') {
        None => query.unwrap_or_default().is_empty().then_some(Recipient::All),
        Some(("path", path)) => Some(Recipient::Path(path.to_owned())),
        Some(("client", number)) => Some(Recipient::Client(number.parse().ok()?)),
        Some(_) => None,
    }
}

/// Passes each parameter of a query to `take`, which returns whether it accepts the parameter. Returns `None` if the
/// query is invalid or a parameter is not accepted.
fn each_parameter(
    query: Option<&str>,
    mut take: impl FnMut(&str, &str) -> Option<bool>,
) -> Option<()> {
    for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=')?;
        if !take(name, value)? {
            return None;
        }
    }
    Some(())
}

/// Parses the query of a request for the state. Returns `None` if it is invalid or has a parameter twice.
fn status_query(query: Option<&str>) -> Option<StatusQuery> {
    let (mut since, mut find) = (None, None);
    each_parameter(query, |name, value| {
        Some(match name {
            "since" => since.replace(value.parse().ok()?).is_none(),
            "find" => find.replace(decode(value)?).is_none(),
            _ => false,
        })
    })?;
    Some(StatusQuery { since: since.unwrap_or_default(), find: find.unwrap_or_default() })
}

/// Parses the query of a request to close clients. Returns `None` if it is invalid or has a parameter twice.
fn close_parameters(query: Option<&str>) -> Option<CloseParameters> {
    let (mut code, mut reason) = (None, None);
    each_parameter(query, |name, value| {
        Some(match name {
            "code" => code.replace(value.parse().ok()?).is_none(),
            "reason" => reason.replace(decode(value)?).is_none(),
            _ => false,
        })
    })?;
    let default = CloseParameters::default();
    Some(match code {
        None => CloseParameters { reason: reason.unwrap_or(default.reason), ..default },
        Some(code) => CloseParameters { code, reason: reason.unwrap_or_default() },
    })
}

fn decode(text: &str) -> Option<String> {
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &Method, uri: &str) -> Option<AdminRequest> {
        AdminRequest::parse(method, &uri.parse().expect("a URI"))
    }

    #[test]
    fn requests_are_parsed_from_method_and_path() {
        assert_eq!(request(&Method::GET, "/healthz"), Some(AdminRequest::Health));
        assert_eq!(request(&Method::GET, "/metrics"), Some(AdminRequest::Metrics));
        assert_eq!(request(&Method::GET, "/readyz"), Some(AdminRequest::Readiness));
        assert_eq!(request(&Method::GET, "/cluster"), Some(AdminRequest::Cluster));
        let to = |to| Some(AdminRequest::Send { resource: "chat".into(), to });
        assert_eq!(request(&Method::POST, "/resources/chat/messages"), to(Recipient::All));
        let path = Recipient::Path("/room/a%20b".into());
        assert_eq!(request(&Method::POST, "/resources/chat/messages?path=/room/a%20b"), to(path));
        let client = Recipient::Client(7);
        assert_eq!(request(&Method::POST, "/resources/chat/messages?client=7"), to(client));
        let publish = AdminRequest::Publish { resource: "chat".into(), topic: "a/b c".into() };
        assert_eq!(request(&Method::POST, "/resources/chat/topics/a%2Fb%20c"), Some(publish));
        assert_eq!(
            request(&Method::DELETE, "/clients/12"),
            Some(AdminRequest::Close { client: 12 })
        );
        let (resource, tag) = ("chat".to_owned(), "user:4/2".to_owned());
        let count = AdminRequest::CountTagged { resource: resource.clone(), tag: tag.clone() };
        assert_eq!(request(&Method::GET, "/resources/chat/tags/user:4%2F2"), Some(count));
        let send = AdminRequest::SendTagged { resource, tag };
        assert_eq!(request(&Method::POST, "/resources/chat/tags/user:4%2f2"), Some(send));
    }

    #[test]
    fn close_code_and_reason_are_parsed_from_the_query() {
        let with =
            |query: &str| match request(&Method::DELETE, &format!("/resources/a/tags/b{query}")) {
                Some(AdminRequest::CloseTagged { with, .. }) => Some(with),
                other => {
                    assert_eq!(other, None);
                    None
                }
            };
        let closed = |code, reason: &str| Some(CloseParameters { code, reason: reason.into() });
        assert_eq!(with(""), Some(CloseParameters::default()));
        assert_eq!(with("?code=4001"), closed(4001, ""));
        assert_eq!(with("?reason=so%20long"), closed(1001, "so long"));
        assert_eq!(with("?reason=a%26b&code=65535"), closed(65535, "a&b"));
        for bad in ["?code=", "?code=x", "?code=65536", "?code", "?codes=1", "?code=1&code=1"] {
            assert_eq!(with(bad), None, "{bad}");
        }
        for bad in ["?reason=%ff", "?reason=a&reason=a", "?reason=a&x=y"] {
            assert_eq!(with(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_a_watcher_asks_for_is_parsed_from_the_query() {
        let status = |since, find: &str| {
            Some(AdminRequest::Status(StatusQuery { since, find: find.into() }))
        };
        assert_eq!(request(&Method::GET, "/status"), status(0, ""));
        assert_eq!(request(&Method::GET, "/status?find=a%26b&since=7"), status(7, "a&b"));
        for bad in ["?since=x", "?since=1&since=1", "?find=%ff", "?other=1"] {
            assert_eq!(request(&Method::GET, &format!("/status{bad}")), None, "{bad}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for (method, uri) in [
            (Method::GET, "/reload"),
            (Method::POST, "/metrics"),
            (Method::GET, "/"),
            (Method::DELETE, "/clients/many"),
            (Method::POST, "/resources/chat/messages?everybody=1"),
            (Method::POST, "/resources/chat/messages?client=x"),
            (Method::POST, "/resources/%ff/messages"),
        ] {
            assert_eq!(request(&method, uri), None, "{uri}");
        }
    }
}
