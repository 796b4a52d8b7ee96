//! Requests of clients, and refusals.

use std::fmt;

/// The request of a client that connects. A path can be converted to a request: `host.connect("/room/blue?name=ann")`.
#[derive(Clone, Debug)]
pub struct TestRequest {
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) subprotocols: Vec<String>,
    pub(super) client_address: String,
    pub(super) is_secure: bool,
}

impl TestRequest {
    /// Creates a request for a path, which may have a query. Write the path as the handler gets it: with normalized
    /// percent-encoding.
    #[track_caller]
    pub fn new(path_and_query: impl AsRef<str>) -> Self {
        let text = path_and_query.as_ref();
        assert!(
            text.starts_with('/'),
            "the path of a request must begin with /, but this is {text:?}"
        );
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (text, None),
        };
        Self {
            path: path.to_owned(),
            query,
            headers: vec![("host".into(), b"localhost:8080".to_vec())],
            subprotocols: Vec::new(),
            client_address: "127.0.0.1".into(),
            is_secure: false,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    /// Adds a subprotocol to the end of the list that is offered.
    #[must_use]
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocols.push(name.into());
        self
    }

    /// Sets the IP address of the client. Without this call, it is `127.0.0.1`.
    #[must_use]
    pub fn client_address(mut self, address: impl Into<String>) -> Self {
        self.client_address = address.into();
        self
    }

    /// Makes the connection encrypted.
    #[must_use]
    pub fn secure(mut self) -> Self {
        self.is_secure = true;
        self
    }

    /// Returns the first header of this name whose value is text.
    pub(super) fn text_header(&self, name: &str) -> Option<&str> {
        let named = |(own, _): &&(String, Vec<u8>)| own.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).find_map(|(_, value)| str::from_utf8(value).ok())
    }
}

impl From<&str> for TestRequest {
    #[track_caller]
    fn from(path_and_query: &str) -> Self {
        Self::new(path_and_query)
    }
}

impl From<String> for TestRequest {
    #[track_caller]
    fn from(path_and_query: String) -> Self {
        Self::new(path_and_query)
    }
}

/// The response to a client that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The headers that the handler has added.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Refused {
    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}: {}", self.status, self.text().trim_end())
    }
}
