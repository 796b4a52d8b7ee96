//! The options of a connection: where to connect, and how.

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

/// Headers that the user may not set, because they frame the request or concern only this hop. Headers that begin with
/// `sec-websocket-` may not be set either, because they are reserved for the handshake.
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

/// Headers with secret values, which are not printed.
const SECRETS: [HeaderName; 3] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];

/// The minimum size of the outbound buffer, in bytes. It is the length of the longest control frame that a client can
/// send.
const MIN_OUTBOUND: usize = 2 + 4 + ws_host_protocol::MAX_CONTROL_PAYLOAD;

/// The options of a connection: where to connect, and how.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) url: Url,
    pub(crate) subprotocols: Vec<String>,
    headers: HeaderMap,
    /// Sent in the request instead of the URL's host.
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

/// How the certificate of a `wss` server is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verify {
    /// Trusts the system's certificate authorities. They are loaded once per process, when a connection first needs
    /// them.
    System,
    /// Trusts only the certificate authorities in this PEM file.
    File(PathBuf),
    /// **Verifies nothing.** Anybody on the network path can read and change everything. Use it only for tests.
    Nothing,
}

impl Options {
    /// Creates options for a URL: `ws://[user[:password]@]host[:port]/path?query`, or `wss://` for TLS. The user and
    /// the password are percent-decoded and sent as `Authorization: Basic` (RFC 7617). They are never printed.
    ///
    /// # Errors
    ///
    /// Returns [`OptionsError::Url`] if the URL is invalid.
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

    /// Adds a subprotocol to the end of the list that is offered. So add the preferred one first.
    ///
    /// # Errors
    ///
    /// Returns [`OptionsError::Subprotocol`] if the subprotocol is not valid, and
    /// [`OptionsError::SubprotocolTwice`] if it is already offered.
    pub fn subprotocol(mut self, name: impl Into<String>) -> Result<Self, OptionsError> {
        let name = name.into();
        // A subprotocol must be a token (RFC 6455 §4.1). A header name must be a token, too (RFC 9110 §5.1), so the
        // check of header names can be used for subprotocols.
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(OptionsError::Subprotocol(name));
        }
        if self.subprotocols.contains(&name) {
            return Err(OptionsError::SubprotocolTwice(name));
        }
        self.subprotocols.push(name);
        Ok(self)
    }

    /// Sends a header with the handshake. A name can be added more than once, except `Host`. The last `Host` is sent
    /// instead of the URL's host (as `:authority` in HTTP/2). The URL still determines where to connect, and which
    /// certificate is expected. `Authorization` replaces the user and the password of the URL.
    ///
    /// # Errors
    ///
    /// Returns [`OptionsError::Header`] or [`OptionsError::Host`] if the header is not valid, and
    /// [`OptionsError::HandshakeHeader`] for `Upgrade`, `Connection`, `Sec-WebSocket-*`, headers that frame a message,
    /// and hop-by-hop headers.
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

    /// Sends the header `Origin`, as browsers do. It names the web page that connects: `https://example.com`. Without
    /// this call, no `Origin` is sent. The server then knows that the client is not a browser (RFC 6455 §4.1).
    ///
    /// # Errors
    ///
    /// Returns [`OptionsError::Header`] if the origin is not valid in a header.
    pub fn origin(mut self, origin: &str) -> Result<Self, OptionsError> {
        let wrong = |_| OptionsError::Header(ORIGIN.to_string());
        self.headers.insert(ORIGIN, origin.parse::<HeaderValue>().map_err(wrong)?);
        Ok(self)
    }

    /// Sets the version of HTTP over which to open the WebSocket. The default is [`HttpVersion::Http1`].
    #[must_use]
    pub fn http(mut self, version: HttpVersion) -> Self {
        self.http = version;
        self
    }

    /// Connects to this Unix socket instead of the host and port. The request still names the host of the URL, and a
    /// `wss` URL still uses TLS.
    #[must_use]
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(path.into());
        self
    }

    /// Connects through this HTTP proxy, `http://[user:password@]host[:port]`. The client asks the proxy for a tunnel
    /// to the server (`CONNECT`, RFC 9110 §9.3.6), both for `ws` and for `wss` URLs. The scheme may be omitted. The
    /// default port is 80. The proxy resolves the server's name. Opening the tunnel counts towards
    /// [`connect_timeout`](Self::connect_timeout). The proxy is not used for a [Unix socket](Self::unix).
    ///
    /// Environment variables are not read. The application decides which of them apply, with the help of
    /// [`is_secure`](Self::is_secure), [`host`](Self::host) and [`port`](Self::port).
    ///
    /// # Errors
    ///
    /// Returns [`OptionsError::Proxy`] if the URL is invalid, or if the proxy speaks TLS or SOCKS. Connecting can fail
    /// with [`ProxyUnreachable`](crate::ConnectError::ProxyUnreachable),
    /// [`ProxyRefused`](crate::ConnectError::ProxyRefused) or [`ProxyHttp`](crate::ConnectError::ProxyHttp).
    pub fn proxy(mut self, url: &str) -> Result<Self, OptionsError> {
        self.proxy = Some(Proxy::parse(url)?);
        Ok(self)
    }

    /// Presents this certificate to the server of a `wss` URL, if the server asks for one. The PEM files are read when
    /// the client connects. One file contains the certificate, followed by its issuers. The other file contains the
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

    /// Sets how the certificate of a `wss` server is verified. The default is [`Verify::System`].
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// Sets the maximum size of a received message, in bytes. A longer message fails the connection with 1009. The
    /// default is 1 MiB, as in the server.
    #[must_use]
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// Sets the size of the outbound buffer in bytes, counting whole frames (headers included). The minimum is 131, the
    /// length of the longest control frame. The default is 2 MiB, which has room for two of the longest messages that
    /// the server receives by default.
    #[must_use]
    pub fn max_outbound(mut self, bytes: usize) -> Self {
        self.max_outbound = bytes.max(MIN_OUTBOUND);
        self
    }

    /// Sets the limit on the time from the lookup of the host to the end of the handshake. The default is 10 s, which
    /// is longer than a person would wait for a server.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Sets the limit on the time from the start of the closing handshake until the server has closed the TCP
    /// connection or ended the HTTP/2 stream. The default is 5 s.
    #[must_use]
    pub fn close_timeout(mut self, time: Duration) -> Self {
        self.close_timeout = time;
        self
    }

    /// Sets the compression to offer (permessage-deflate, RFC 7692). `None` offers no compression. By default, the
    /// client offers compression with context takeover, as browsers do. This takes up to 403 KiB for each connection. A
    /// program with many connections may prefer [`Deflate::default`], which takes no memory while nothing is sent.
    ///
    /// Do not compress secrets together with text that others have chosen: see
    /// [secrets](ws_host_protocol::deflate#secrets).
    #[must_use]
    pub fn compression(mut self, deflate: Option<Deflate>) -> Self {
        self.compression = deflate;
        self
    }

    /// Returns the URL without the user and the password, so that it can be shown.
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// Returns whether the URL is a `wss` URL.
    pub fn is_secure(&self) -> bool {
        self.url.scheme == Scheme::Wss
    }

    /// Returns the host of the URL. It is a name, or an address without the brackets of IPv6.
    pub fn host(&self) -> &str {
        self.url.host()
    }

    /// Returns the port of the URL, or the default port of the scheme.
    pub fn port(&self) -> u16 {
        self.url.port
    }

    /// Returns the value of `Host` or `:authority` in the request.
    pub(crate) fn authority(&self) -> String {
        self.host.as_ref().map_or_else(|| self.url.host_header(), Authority::to_string)
    }

    /// Returns the headers that the application added, and the credentials of the URL.
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

/// Parses a value of the header `Host`. The value must not contain a user.
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
