//! The information about a client from its handshake.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use http::Request;
use http::header::{HOST, HeaderName};
use ws_host_protocol::handshake::{Scheme, Version, fields};
use ws_host_protocol::{PerMessageDeflate, Role};

use super::{Certificate, ConnectionId};
use crate::traces::ClientTrace;

/// The handshake request of a client, as handlers see it. For an outgoing connection, it is the host's own request.
#[derive(Debug)]
pub(crate) struct ClientInfo {
    /// The name of the resource.
    pub(crate) resource: Arc<str>,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// The parameters of the resource's pattern, with their values in the path.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) headers: Headers,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) origin: Option<String>,
    pub(crate) version: Version,
    /// The negotiated compression.
    pub(crate) deflate: Option<PerMessageDeflate>,
    /// The address of the client itself. It may come from a trusted proxy.
    pub(crate) address: IpAddr,
    pub(crate) scheme: Scheme,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// The connection, for the log.
    pub(crate) connection: ConnectionId,
    /// The host's end of the connection.
    pub(crate) local: SocketAddr,
    pub(crate) http_version: HttpVersion,
    /// The server name that the client asked for in TLS (SNI, RFC 6066 §3), in lower case.
    pub(crate) server_name: Option<Arc<str>>,
    /// The TLS certificate of the client.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// The URL of an outgoing connection. In such a connection, the host is the client.
    pub(crate) url: Option<Box<str>>,
    /// The host that relays the client to this host.
    pub(crate) edge: Option<Arc<str>>,
    /// The trace of the client's events, if its handshake was sampled.
    pub(crate) trace: Option<Arc<ClientTrace>>,
    /// The index of the agreed subprotocol in [`subprotocols`](Self::subprotocols).
    pub(crate) agreed: OnceLock<usize>,
}

/// A version of HTTP over which a client can open a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    Http2,
}

impl HttpVersion {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }
}

impl ClientInfo {
    /// Returns the first header with this name whose value is UTF-8. The case of the name is ignored.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_wanted = |header: &[u8]| header.eq_ignore_ascii_case(name.as_bytes());
        let mut values = self.headers.iter().filter(|(header, _)| is_wanted(header));
        values.find_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Returns the value of a parameter of the resource's pattern.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(parameter, _)| parameter == name)?;
        Some(value)
    }

    /// Returns the host's side of the protocol.
    pub(crate) fn role(&self) -> Role {
        match self.url {
            None => Role::Server,
            Some(_) => Role::Client,
        }
    }

    /// Selects the first offered subprotocol for which `is_wanted` returns `true`. If a subprotocol was selected
    /// earlier, it is kept.
    pub(crate) fn agree(&self, is_wanted: impl Fn(&str) -> bool) {
        if let Some(index) = self.subprotocols.iter().position(|offered| is_wanted(offered)) {
            let _ = self.agreed.set(index);
        }
    }

    /// Returns the agreed subprotocol.
    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.subprotocols.get(*self.agreed.get()?).map(String::as_str)
    }

    /// Returns the information about an example client, for tests.
    #[cfg(test)]
    pub(crate) fn example() -> Self {
        let this_machine = std::net::Ipv4Addr::LOCALHOST;
        Self {
            resource: "test".into(),
            path: "/".into(),
            query: None,
            parameters: Vec::new(),
            headers: std::iter::empty().collect(),
            subprotocols: Vec::new(),
            origin: None,
            version: Version::Rfc6455,
            deflate: None,
            address: this_machine.into(),
            scheme: Scheme::Http,
            peer: (this_machine, 1).into(),
            connection: ConnectionId(1),
            local: (this_machine, 2).into(),
            http_version: HttpVersion::Http1,
            server_name: None,
            certificate: None,
            url: None,
            edge: None,
            trace: None,
            agreed: OnceLock::new(),
        }
    }
}

/// All headers in the order in which they arrived. Names are in lower case, as
/// [`fields`](ws_host_protocol::handshake::fields()) returns them.
///
/// The headers are stored in one allocation, as on the wire, because they live as long as the connection and are rarely
/// read.
#[derive(Clone)]
pub(crate) struct Headers(Box<[u8]>);

/// Separates a name from its value. A name contains no colon (RFC 9110 §5.1).
const COLON: u8 = b':';

/// Ends a value. A value cannot contain a newline (RFC 9110 §5.5).
const NEWLINE: u8 = b'\n';

impl Headers {
    /// Copies the headers of a request whose handshake is valid.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let length = |name: &HeaderName, value: usize| name.as_str().len() + value + 2;
        let each = request.headers().iter().map(|(name, value)| length(name, value.len()));
        let authority = request.uri().authority().map(|host| length(&HOST, host.as_str().len()));
        Self::write(fields(request), each.sum::<usize>() + authority.unwrap_or_default())
    }

    /// Returns an empty list of headers.
    pub(crate) fn none() -> Self {
        Self(Box::default())
    }

    /// Writes headers into a buffer that starts with room for `max_length` bytes. This is usually the exact length, so
    /// one allocation is enough.
    fn write<'a, V: AsRef<[u8]>>(
        headers: impl Iterator<Item = (&'a str, V)>,
        max_length: usize,
    ) -> Self {
        let mut bytes = Vec::with_capacity(max_length);
        for (name, value) in headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(COLON);
            bytes.extend_from_slice(value.as_ref());
            bytes.push(NEWLINE);
        }
        Self(bytes.into())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.split(|byte| *byte == NEWLINE).filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == COLON)?;
            Some((&line[..colon], &line[colon + 1..]))
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        f.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

#[cfg(test)]
impl<'a> FromIterator<(&'a str, &'a [u8])> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a [u8])>>(headers: T) -> Self {
        Self::write(headers.into_iter(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_returned_as_they_were_written() {
        let all: [(&str, &[u8]); 4] =
            [("host", b"a:80"), ("empty", b""), ("cookie", b"a=b; c=:d"), ("cookie", b"\xff\x09")];
        let headers: Headers = all.into_iter().collect();
        let expected = all.map(|(name, value)| (name.as_bytes(), value));
        assert!(headers.iter().eq(expected), "{headers:?}");
        let none: [(&str, &[u8]); 0] = [];
        assert_eq!(Headers::from_iter(none).iter().count(), 0);
    }

    #[test]
    fn headers_of_a_request_are_its_fields() {
        let request = Request::get("http://there/")
            .header("host", "here")
            .header("accept", "a")
            .header("x-forwarded-for", "b")
            .header("accept", "c")
            .header("x-other", "d")
            .header("x-other", "e")
            .body(())
            .expect("a request");
        let headers = Headers::of(&request);
        let expected: [(&[u8], &[u8]); 5] = [
            (b"host", b"there"),
            (b"accept", b"a, c"),
            (b"x-forwarded-for", b"b"),
            (b"x-other", b"d"),
            (b"x-other", b"e"),
        ];
        assert!(headers.iter().eq(expected), "{headers:?}");
    }

    #[test]
    fn header_is_the_first_with_text_and_its_name_ignores_case() {
        let headers: [(&str, &[u8]); 5] = [
            ("x-user", b"\xff"),
            ("x-user-id", b"7"),
            ("x-user", b"alice"),
            ("x-user", b"bob"),
            ("x-none", b"\xff"),
        ];
        let info = ClientInfo { headers: headers.into_iter().collect(), ..ClientInfo::example() };
        for name in ["x-user", "X-User"] {
            assert_eq!(info.header(name), Some("alice"));
        }
        for name in ["x-none", "x-use", "x-user-", "", "x-user:alice", "\n"] {
            assert_eq!(info.header(name), None, "{name:?}");
        }
    }

    #[test]
    fn parameter_is_found_by_its_name() {
        let parameters = [("team", "a"), ("room", "blue")];
        let owned = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let info = ClientInfo { parameters: owned.into(), ..ClientInfo::example() };
        assert_eq!(info.parameter("room"), Some("blue"));
        assert_eq!(info.parameter("Room"), None);
    }

    #[test]
    fn subprotocol_is_one_that_was_offered_and_stays() {
        let offered = || vec!["chat".to_owned(), "echo".to_owned()];
        let info = ClientInfo { subprotocols: offered(), ..ClientInfo::example() };
        info.agree(|offered| offered == "other");
        assert_eq!(info.subprotocol(), None);
        info.agree(|offered| offered == "echo");
        info.agree(|offered| offered == "chat");
        assert_eq!(info.subprotocol(), Some("echo"));
    }
}
