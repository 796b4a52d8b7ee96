//! What to connect to, and how.

use std::path::PathBuf;
use std::time::Duration;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::Authority;

use ws_host_protocol::Deflate;

use crate::error::OptionsError;
use crate::http_version::HttpVersion;
use crate::identity::Identity;
use crate::proxy::Proxy;
use crate::url::{Scheme, Url};

/// Headers that frame the request or belong to this hop. Those that begin with `sec-websocket-` are
/// the handshake's too.
const OWN_HEADERS: [HeaderName; 8] = [
    UPGRADE,
    CONNECTION,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    TE,
    TRAILER,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Headers whose values are secrets: they are not printed.
const SECRETS: [HeaderName; 3] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];

/// The smallest outbound buffer: the longest control frame that a client can send, in octets.
const MIN_OUTBOUND: usize = 2 + 4 + ws_host_protocol::MAX_CONTROL_PAYLOAD;

/// What to connect to, and how.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) url: Url,
    pub(crate) subprotocols: Vec<String>,
    headers: HeaderMap,
    /// In the place of the URL's.
    host: Option<Authority>,
    pub(crate) http: HttpVersion,
    pub(crate) unix: Option<PathBuf>,
    pub(crate) proxy: Option<Proxy>,
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
    /// The authorities that the system trusts, as they are when a connection of this process first asks for them.
    System,
    /// The authorities in this PEM file, and no others.
    File(PathBuf),
    /// **Nobody.** Whoever sits on the way can read and change everything: only for tests.
    Nothing,
}

impl Options {
    /// Options for a URL, `ws://[user[:password]@]host[:port]/path?query` or with `wss://` over TLS. User
    /// and password are sent as `Authorization: Basic` (RFC 7617), percent-decoded, and nowhere printed.
    ///
    /// # Errors
    ///
    /// [`OptionsError::Url`] says what is right.
    pub fn new(url: &str) -> Result<Self, OptionsError> {
        Ok(Self {
            url: Url::parse(url)?,
            subprotocols: Vec::new(),
            headers: HeaderMap::new(),
            host: None,
            http: HttpVersion::default(),
            unix: None,
            proxy: None,
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

    /// Sends a header with the handshake. The same name can be sent more than once, but for `Host`: the
    /// last one stands in the place of the URL's, also as `:authority` of HTTP/2, while the URL still says
    /// where to connect and whose certificate is expected. `Authorization` replaces user and password of
    /// the URL.
    ///
    /// # Errors
    ///
    /// [`OptionsError::Header`] and [`OptionsError::Host`]; [`OptionsError::HandshakeHeader`] for
    /// `Upgrade`, `Connection`, `Sec-WebSocket-*`, headers that frame a message, and hop-by-hop headers.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OptionsError> {
        let wrong = || OptionsError::Header(name.to_owned());
        let name = name.parse::<HeaderName>().map_err(|_| wrong())?;
        if OWN_HEADERS.contains(&name) || name.as_str().starts_with("sec-websocket-") {
            return Err(OptionsError::HandshakeHeader(name.to_string()));
        }
        if name == HOST {
            self.host = Some(host(value)?);
            return Ok(self);
        }
        let mut value = value.parse::<HeaderValue>().map_err(|_| wrong())?;
        value.set_sensitive(SECRETS.contains(&name));
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

    /// Connects through this HTTP proxy, `http://[user:password@]host[:port]`, which is asked for a tunnel to
    /// the server (`CONNECT`, RFC 9110 §9.3.6), for `ws` and `wss` URLs alike. The scheme may be left out;
    /// the port is 80 if there is none. The proxy looks the server's name up. Of
    /// [`connect_timeout`](Self::connect_timeout) the tunnel is a part. A [Unix socket](Self::unix) is
    /// connected to without it.
    ///
    /// The environment is not looked at: which of its variables count is the application's decision, for
    /// which there are [`is_secure`](Self::is_secure), [`host`](Self::host) and [`port`](Self::port).
    ///
    /// # Errors
    ///
    /// [`OptionsError::Proxy`], also for a proxy that speaks TLS or SOCKS. The connection fails with
    /// [`ProxyUnreachable`](crate::ConnectError::ProxyUnreachable),
    /// [`ProxyRefused`](crate::ConnectError::ProxyRefused) or
    /// [`ProxyHttp`](crate::ConnectError::ProxyHttp).
    pub fn proxy(mut self, url: &str) -> Result<Self, OptionsError> {
        self.proxy = Some(Proxy::parse(url)?);
        Ok(self)
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

    /// The URL without user and password, to be shown.
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// Whether the URL is a `wss` URL.
    pub fn is_secure(&self) -> bool {
        self.url.scheme == Scheme::Wss
    }

    /// The host of the URL: a name or an address, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.url.host()
    }

    /// The port of the URL, or the scheme's.
    pub fn port(&self) -> u16 {
        self.url.port
    }

    /// What the request tells the server of its own name: `Host`, or `:authority`.
    pub(crate) fn authority(&self) -> String {
        self.host.as_ref().map_or_else(|| self.url.host_header(), Authority::to_string)
    }

    /// The headers that the application wants to be sent.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        if let Some(credentials) = &self.url.credentials
            && !headers.contains_key(AUTHORIZATION)
        {
            headers.insert(AUTHORIZATION, credentials.clone());
        }
        headers
    }
}

/// A host as the header `Host` may say it: a user has no place there.
fn host(value: &str) -> Result<Authority, OptionsError> {
    let host = value.parse::<Authority>().ok().filter(|host| !host.as_str().contains('@'));
    host.ok_or_else(|| OptionsError::Host(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::new("ws://h/").unwrap()
    }

    #[test]
    fn headers_of_the_handshake_cannot_be_set() {
        for name in ["upgrade", "CONNECTION", "Sec-WebSocket-Key", "Content-Length", "Keep-Alive"] {
            let error = options().header(name, "x").unwrap_err();
            assert_eq!(error, OptionsError::HandshakeHeader(name.to_lowercase()));
        }
    }

    #[test]
    fn host_is_one_that_a_url_could_have() {
        let options = options().header("Host", "other:8080").unwrap();
        assert_eq!(options.authority(), "other:8080");
        for wrong in ["", "a b", "me@h", "h/path", "h\r\nX: y"] {
            let error = options.clone().header("host", wrong).unwrap_err();
            assert_eq!(error, OptionsError::Host(wrong.to_owned()));
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let options = Options::new("ws://me:secret@h/").unwrap();
        let options = options.header("Cookie", "a=secret").unwrap();
        let options = options.proxy("http://me:secret@proxy").unwrap();
        let debug = format!("{options:?} {}", options.url());
        assert!(!debug.contains("secret") && !debug.contains("bWU6"), "{debug}");
    }

    #[test]
    fn authorization_that_is_set_replaces_that_of_the_url() {
        let options = Options::new("ws://me:secret@h/").unwrap();
        assert_eq!(options.headers()[AUTHORIZATION], "Basic bWU6c2VjcmV0");
        let options = options.header("Authorization", "Bearer x").unwrap();
        let values: Vec<_> =
            options.headers().get_all(AUTHORIZATION).into_iter().cloned().collect();
        assert_eq!(values, ["Bearer x"]);
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
