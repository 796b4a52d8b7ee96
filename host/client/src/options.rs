//! What to connect to, and how.

use std::path::PathBuf;
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

use ws_host_protocol::Deflate;

use crate::error::OptionsError;
use crate::http_version::HttpVersion;
use crate::identity::Identity;
use crate::url::Url;

/// Headers that frame the request or belong to this hop. Those that begin with `sec-websocket-` are
/// the handshake's too.
const OWN_HEADERS: [HeaderName; 7] =
    [HOST, UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, TE, TRAILER];

/// The smallest outbound buffer: the longest control frame that a client can send, in octets.
const MIN_OUTBOUND: usize = 2 + 4 + ws_host_protocol::MAX_CONTROL_PAYLOAD;

/// What to connect to, and how.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) url: Url,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) http: HttpVersion,
    pub(crate) unix: Option<PathBuf>,
    pub(crate) verify: Verify,
    pub(crate) identity: Option<Identity>,
    pub(crate) max_message: usize,
    pub(crate) max_outbound: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) compression: Option<Deflate>,
}

/// Who may vouch for the server of a `wss` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verify {
    /// The authorities that the system trusts.
    System,
    /// The authorities in this PEM file, and no others.
    File(PathBuf),
    /// **Nobody.** Whoever sits on the way can read and change everything: only for tests.
    Nothing,
}

impl Options {
    /// Options for a URL, `ws://host[:port]/path?query` or with `wss://` over TLS.
    ///
    /// # Errors
    ///
    /// [`OptionsError::Url`] says what is right.
    pub fn new(url: &str) -> Result<Self, OptionsError> {
        Ok(Self {
            url: Url::parse(url)?,
            subprotocols: Vec::new(),
            headers: HeaderMap::new(),
            http: HttpVersion::default(),
            unix: None,
            verify: Verify::System,
            identity: None,
            max_message: 1 << 20,
            max_outbound: 2 << 20,
            connect_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            compression: Some(Deflate::with_context_takeover()),
        })
    }

    /// Offers a subprotocol, behind those that were offered before: the best one comes first.
    ///
    /// # Errors
    ///
    /// [`OptionsError::Subprotocol`] and [`OptionsError::SubprotocolTwice`].
    pub fn subprotocol(mut self, name: impl Into<String>) -> Result<Self, OptionsError> {
        let name = name.into();
        // The characters of a token and those of a header's name are the same (RFC 9110 §5.1).
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(OptionsError::Subprotocol(name));
        }
        if self.subprotocols.contains(&name) {
            return Err(OptionsError::SubprotocolTwice(name));
        }
        self.subprotocols.push(name);
        Ok(self)
    }

    /// Sends a header with the handshake. The same name can be sent more than once.
    ///
    /// # Errors
    ///
    /// [`OptionsError::Header`]; [`OptionsError::HandshakeHeader`] for `Host`, `Upgrade`,
    /// `Connection`, `Sec-WebSocket-*` and what tells the length of a request.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OptionsError> {
        let wrong = || OptionsError::Header(name.to_owned());
        let name = name.parse::<HeaderName>().map_err(|_| wrong())?;
        if OWN_HEADERS.contains(&name) || name.as_str().starts_with("sec-websocket-") {
            return Err(OptionsError::HandshakeHeader(name.to_string()));
        }
        let value = value.parse::<HeaderValue>().map_err(|_| wrong())?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Says which web page connects, as browsers do: `https://example.com`. Without, there is no
    /// `Origin`, which tells a server that this is no browser (RFC 6455 §4.1).
    ///
    /// # Errors
    ///
    /// [`OptionsError::Header`] if it cannot stand in a header.
    pub fn origin(mut self, origin: &str) -> Result<Self, OptionsError> {
        let wrong = |_| OptionsError::Header(ORIGIN.to_string());
        self.headers.insert(ORIGIN, origin.parse::<HeaderValue>().map_err(wrong)?);
        Ok(self)
    }

    /// The version of HTTP to open the WebSocket over: by default [`HttpVersion::Http1`].
    #[must_use]
    pub fn http(mut self, version: HttpVersion) -> Self {
        self.http = version;
        self
    }

    /// Connects to this Unix socket in the place of host and port. The server is told the host of the URL,
    /// and a `wss` URL is over TLS there as well.
    #[must_use]
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(path.into());
        self
    }

    /// Shows this certificate to the server of a `wss` URL if it asks for one. The files are PEM, and are
    /// read when the connection is made: the certificate, followed by those that vouch for it, and its
    /// key.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some(Identity { certificate: certificate.into(), key: key.into() });
        self
    }

    /// Who may vouch for the server of a `wss` URL: by default [`Verify::System`].
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// The longest message to receive, in octets; a longer one fails the connection with 1009. By
    /// default 1 MiB, as the server has it.
    #[must_use]
    pub fn max_message(mut self, octets: usize) -> Self {
        self.max_message = octets;
        self
    }

    /// What may wait to be written, in octets of frames; at least 131, the longest control frame. By
    /// default 2 MiB: the longest message that the other end receives by default, and one more.
    #[must_use]
    pub fn max_outbound(mut self, octets: usize) -> Self {
        self.max_outbound = octets.max(MIN_OUTBOUND);
        self
    }

    /// From looking up the host to the end of the handshake: by default 10 s, longer than any server
    /// takes that a person would wait for.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// From the beginning of the closing handshake until the server has closed TCP, or ended the stream
    /// of HTTP/2: by default 5 s.
    #[must_use]
    pub fn close_timeout(mut self, time: Duration) -> Self {
        self.close_timeout = time;
        self
    }

    /// Which compression to offer (permessage-deflate, RFC 7692), or `None` to offer none. By default
    /// it is offered with context takeover, as browsers do. That costs up to 403 KiB for each
    /// connection; a program with many of them may want [`Deflate::default`], which costs nothing while
    /// nothing is sent.
    ///
    /// Do not compress secrets together with text of others: see [the protocol's
    /// words](ws_host_protocol::deflate#secrets).
    #[must_use]
    pub fn compression(mut self, deflate: Option<Deflate>) -> Self {
        self.compression = deflate;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::new("ws://h/").unwrap()
    }

    #[test]
    fn headers_of_the_handshake_cannot_be_set() {
        for name in ["Host", "upgrade", "CONNECTION", "Sec-WebSocket-Key", "Content-Length"] {
            let error = options().header(name, "x").unwrap_err();
            assert_eq!(error, OptionsError::HandshakeHeader(name.to_lowercase()));
        }
    }

    #[test]
    fn header_that_would_end_its_line_is_an_error_that_keeps_the_value_secret() {
        let error = options().header("Authorization", "secret\r\nX: y").unwrap_err();
        assert_eq!(error, OptionsError::Header("Authorization".into()));
        assert!(options().header("no name", "x").is_err());
        assert!(options().origin("https://h\n").is_err());
    }

    #[test]
    fn subprotocol_must_be_a_token_and_unique() {
        let error = options().subprotocol("a, b").unwrap_err();
        assert_eq!(error, OptionsError::Subprotocol("a, b".into()));
        assert!(options().subprotocol("").is_err());
        let twice = options().subprotocol("a").unwrap().subprotocol("a").unwrap_err();
        assert_eq!(twice, OptionsError::SubprotocolTwice("a".into()));
    }
}
