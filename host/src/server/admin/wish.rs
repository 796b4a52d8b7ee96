//! What is wanted at the admin address.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use super::super::host::Recipient;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Health,
    Metrics,
    Resources,
    Clients,
    Reload,
    RollBack,
    Remove { resource: String },
    Close { client: u64 },
    Send { resource: String, to: Recipient },
    Publish { resource: String, topic: String },
}

impl Wish {
    /// `None` if there is no such thing.
    pub(super) fn parse(method: &Method, uri: &Uri) -> Option<Self> {
        let path: Vec<String> = uri.path().split('/').skip(1).map(decode).collect::<Option<_>>()?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        Some(match (method.as_str(), &path[..]) {
            ("GET", ["healthz"]) => Self::Health,
            ("GET", ["metrics"]) => Self::Metrics,
            ("GET", ["resources"]) => Self::Resources,
            ("GET", ["clients"]) => Self::Clients,
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
            _ => return None,
        })
    }

    /// Whether it has to wait for somebody, be it for its own body.
    pub(super) fn takes_time(&self) -> bool {
        match self {
            Self::Health | Self::Metrics | Self::Resources | Self::Clients | Self::Close { .. } => {
                false
            }
            Self::Reload
            | Self::RollBack
            | Self::Remove { .. }
            | Self::Send { .. }
            | Self::Publish { .. } => true,
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

fn decode(text: &str) -> Option<String> {
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(method: &Method, uri: &str) -> Option<Wish> {
        Wish::parse(method, &uri.parse().expect("a URI"))
    }

    #[test]
    fn wishes_are_read_from_method_and_path() {
        assert_eq!(wish(&Method::GET, "/healthz"), Some(Wish::Health));
        assert_eq!(wish(&Method::GET, "/metrics"), Some(Wish::Metrics));
        let to = |to| Some(Wish::Send { resource: "chat".into(), to });
        assert_eq!(wish(&Method::POST, "/resources/chat/messages"), to(Recipient::All));
        let path = Recipient::Path("/room/a%20b".into());
        assert_eq!(wish(&Method::POST, "/resources/chat/messages?path=/room/a%20b"), to(path));
        let client = Recipient::Client(7);
        assert_eq!(wish(&Method::POST, "/resources/chat/messages?client=7"), to(client));
        let publish = Wish::Publish { resource: "chat".into(), topic: "a/b c".into() };
        assert_eq!(wish(&Method::POST, "/resources/chat/topics/a%2Fb%20c"), Some(publish));
        assert_eq!(wish(&Method::DELETE, "/clients/12"), Some(Wish::Close { client: 12 }));
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
            assert_eq!(wish(&method, uri), None, "{uri}");
        }
    }
}
