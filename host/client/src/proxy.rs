//! Connecting through an HTTP proxy, which opens a tunnel to the server.

use std::io::Cursor;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use http::{Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, join, split};
use tokio::net::TcpStream;

use crate::authority::{Authority, AuthorityError, Host};
use crate::credentials::redact;
use crate::dial::dial;
use crate::error::ConnectError;
use crate::handshake::{Exchange, MAX_HEAD, refusal};
use crate::stream::Stream;
use crate::url::Url;

/// The port of a proxy whose URL has none. It is the port of `http` (RFC 9110 §4.2.1).
const DEFAULT_PORT: u16 = 80;

/// An HTTP proxy that opens tunnels (RFC 9110 §9.3.6).
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    host: Host,
    port: u16,
    credentials: Option<HeaderValue>,
}

/// Why the URL of a proxy is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The text is not a URL. If the text contains a password, the error leaves it out.
    #[error("{0:?} is not a proxy; write http://[user:password@]host[:port]")]
    Malformed(String),
    /// The proxy speaks another protocol, such as TLS or SOCKS.
    #[error("{0}:// proxies are not supported; use an http:// proxy that allows CONNECT")]
    Scheme(String),
    /// The user name contains a colon, or the user or the password contains control characters (RFC 7617 §2).
    #[error(
        "the user or the password of the proxy contains a character that Basic authentication \
         cannot send: a colon in the user, or a control character"
    )]
    User,
}

impl Proxy {
    /// Parses `http://[user:password@]host[:port]`. The scheme may be missing. A path is ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, ProxyError> {
        let malformed = || ProxyError::Malformed(redact(text));
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(ProxyError::Scheme(scheme.to_owned()));
        }
        let url = format!("http://{rest}").parse::<Uri>().map_err(|_| malformed())?;
        let authority = url.authority().ok_or_else(malformed)?;
        let Authority { credentials, host, port } =
            Authority::read(authority).map_err(|error| match error {
                AuthorityError::User => ProxyError::User,
                AuthorityError::NoHost | AuthorityError::Port(_) => malformed(),
            })?;
        Ok(Self { host, port: port.unwrap_or(DEFAULT_PORT), credentials })
    }

    /// Connects to the server of a URL through the proxy.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub(crate) async fn tunnel(&self, url: &Url) -> Result<Box<dyn Stream>, ConnectError> {
        let socket = self.socket().await?;
        let response_error = |error: hyper::Error| ConnectError::ProxyHttp(Arc::new(error));
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD as usize)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(response_error)?;
        let mut exchange = Exchange::new(connection);
        let response = pin!(sender.send_request(self.request(url)?));
        let response = exchange.drive(response).await.map_err(response_error)?;
        let status = response.status();
        // §9.3.6: "Any 2xx (Successful) response" opens the tunnel.
        if !status.is_success() {
            let body = exchange.drive(pin!(refusal::text(response.into_body()))).await;
            return Err(ConnectError::ProxyRefused { status, body });
        }
        let (socket, early) = exchange.into_stream().await;
        if early.is_empty() {
            return Ok(Box::new(socket));
        }
        // If the server speaks first, the proxy may send the server's first bytes together with its own response.
        let (reader, writer) = split(socket);
        Ok(Box::new(join(Cursor::new(early).chain(reader), writer)))
    }

    async fn socket(&self) -> Result<TcpStream, ConnectError> {
        let failed = |source| ConnectError::ProxyUnreachable {
            host: self.host.name().to_owned(),
            port: self.port,
            source: Arc::new(source),
        };
        dial(self.host.name(), self.port).await.map_err(failed)
    }

    fn request(&self, url: &Url) -> Result<Request<Empty<Bytes>>, ConnectError> {
        let target = url.target();
        let mut request = Request::connect(&target).body(Empty::new()).map_err(impossible)?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::try_from(target).map_err(impossible)?);
        if let Some(credentials) = &self.credentials {
            headers.insert(PROXY_AUTHORIZATION, credentials.clone());
        }
        Ok(request)
    }
}

/// Converts an error from building a request. This never happens: a host that is valid in a URL is valid in a request.
fn impossible(error: impl std::error::Error + Send + Sync + 'static) -> ConnectError {
    ConnectError::ProxyHttp(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_is_a_url_or_a_host_with_a_port() {
        for (text, host, port) in [
            ("http://proxy.example:3128", "proxy.example", 3128),
            ("HTTP://proxy.example/", "proxy.example", 80),
            ("proxy.example:3128", "proxy.example", 3128),
            ("[::1]:3128", "::1", 3128),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.host.name(), proxy.port), (host, port), "{text}");
            assert_eq!(proxy.credentials, None);
        }
        let proxy = Proxy::parse("me:secret@proxy:1").unwrap();
        assert_eq!(proxy.credentials.as_ref().unwrap(), "Basic bWU6c2VjcmV0");
        assert!(!format!("{proxy:?}").contains("bWU6"));
    }

    #[test]
    fn other_proxies_are_refused_by_name() {
        for scheme in ["socks5", "socks5h", "https"] {
            let error = Proxy::parse(&format!("{scheme}://me:secret@proxy:1080")).unwrap_err();
            assert_eq!(error, ProxyError::Scheme(scheme.to_owned()));
        }
    }

    #[test]
    fn invalid_proxies_are_reported_with_advice_and_without_the_password() {
        for text in ["", "http://", "me:se cret@proxy", "proxy:port", "me:secret@proxy:70000"] {
            let error = Proxy::parse(text).unwrap_err().to_string();
            assert!(error.contains("http://[user:password@]host[:port]"), "{text}: {error}");
            assert!(!error.contains("cret"), "{error}");
        }
        assert_eq!(Proxy::parse("a%3Ab:c@proxy").unwrap_err(), ProxyError::User);
    }
}
