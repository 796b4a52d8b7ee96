//! Errors about invalid options, about connections that do not open, and about messages that are not sent.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use ws_host_protocol as protocol;
use ws_host_protocol::handshake::client::HandshakeError;

use crate::http_version::HttpVersion;
use crate::proxy::ProxyError;
use crate::url::UrlError;

/// Why options are invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The URL is invalid.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The proxy of [`Options::proxy`](crate::Options::proxy) is invalid.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The subprotocol is not a token of RFC 9110 (RFC 6455 §4.1).
    #[error("{0:?} is not a subprotocol: letters, digits and !#$%&'*+-.^_`|~ are allowed")]
    Subprotocol(String),
    /// The subprotocol is offered twice. Subprotocols must be unique (RFC 6455 §4.1).
    #[error("the subprotocol {0:?} is offered twice")]
    SubprotocolTwice(String),
    /// The name or the value is not valid in an HTTP header. The value is not shown, because it may be a secret.
    #[error("the header {0:?} has a name or a value that HTTP does not allow")]
    Header(String),
    /// The value is not valid in the header `Host` (RFC 9110 §7.2).
    #[error("{0:?} is not a host; write name or name:port")]
    Host(String),
    /// Either the handshake itself writes this header, or setting the header would break the handshake.
    #[error(
        "the header {0} is reserved for the handshake and cannot be set; of the handshake's headers, \
         only Host and Origin can be set"
    )]
    HandshakeHeader(String),
}

/// Why a connection did not open. Clones share the source error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host is unknown, refuses the connection, or cannot be reached.
    #[error("cannot reach {host} on port {port}")]
    Unreachable {
        /// The host of the URL.
        host: String,
        /// The port of the URL, or the default port of the scheme.
        port: u16,
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// Connecting to the socket of [`Options::unix`](crate::Options::unix) failed.
    #[error("cannot reach the socket {}", path.display())]
    UnixUnreachable {
        /// The socket.
        path: PathBuf,
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// The proxy of [`Options::proxy`](crate::Options::proxy) is unknown, refuses the connection, or cannot be reached.
    #[error("cannot reach the proxy {host} on port {port}")]
    ProxyUnreachable {
        /// The host of the proxy.
        host: String,
        /// The port of the proxy.
        port: u16,
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// The proxy did not open a tunnel to the server. It does not allow this tunnel, requires authentication, or cannot
    /// reach the server.
    #[error("the proxy refused the tunnel: {status}")]
    ProxyRefused {
        /// The status.
        status: StatusCode,
        /// The text of the answer, up to 64 KiB.
        body: String,
    },
    /// The proxy did not answer in HTTP, or closed before it answered.
    #[error("the proxy did not send an HTTP response")]
    ProxyHttp(#[source] Arc<dyn Error + Send + Sync>),
    /// The TLS handshake failed, most often because the certificate is not trusted.
    #[error("the TLS handshake with {host} failed")]
    Tls {
        /// The host of the URL.
        host: String,
        /// The TLS error.
        source: Arc<io::Error>,
    },
    /// The server requires a client certificate, or does not accept the certificate that the client presented. With TLS
    /// 1.2, servers report this less clearly, and the error is [`Tls`](Self::Tls).
    #[error("{host} requires a client certificate, or does not accept the given one")]
    ClientNotTrusted {
        /// The host of the URL.
        host: String,
        /// The TLS error.
        source: Arc<io::Error>,
    },
    /// The URL is a `wss` URL, but the server's answer is not TLS.
    #[error("{host} does not speak TLS on this port: use ws://, or another port")]
    TlsNotSpoken {
        /// The host of the URL.
        host: String,
    },
    /// The URL is a `ws` URL, but the server's answer is TLS.
    #[error("the server speaks TLS on this port: use wss://")]
    TlsExpected,
    /// [`Verify::System`](crate::Verify::System) is set, and the system has no trusted certificates.
    #[error("the system has no trusted root certificates")]
    NoSystemRoots,
    /// The file of [`Verify::File`](crate::Verify::File) cannot be read or contains no certificate.
    #[error("cannot read certificates from {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The problem with the file.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The certificate file of [`Options::client_certificate`](crate::Options::client_certificate) cannot be read or
    /// contains no certificate.
    #[error("cannot read the client certificate from {}", path.display())]
    ClientCertificate {
        /// The file.
        path: PathBuf,
        /// The problem with the file.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The key file of [`Options::client_certificate`](crate::Options::client_certificate) cannot be read, contains no
    /// key, or contains the key of another certificate.
    #[error("cannot use {} as the key of the client certificate", path.display())]
    ClientKey {
        /// The file.
        path: PathBuf,
        /// The problem with the file.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// [`Options::http`](crate::Options::http) requires this version, but the server does not speak it.
    #[error("the server does not speak {0} on this port")]
    HttpNotSpoken(HttpVersion),
    /// The server speaks HTTP/2, but has not announced that it supports WebSockets over HTTP/2 (RFC 8441 §3).
    #[error("the server does not support WebSockets over HTTP/2; try HTTP/1.1")]
    NoExtendedConnect,
    /// The URL of [`Http2Connection::open`](crate::Http2Connection::open) names another server.
    #[error("the HTTP/2 connection does not go to the server of this URL")]
    AnotherServer,
    /// The server did not answer in HTTP, or closed before it answered.
    #[error("the server did not send an HTTP response")]
    Http(#[source] Arc<dyn Error + Send + Sync>),
    /// The server answered with a status that does not open a WebSocket.
    #[error("the server refused the handshake: {status}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The text of the answer, up to 64 KiB.
        body: String,
    },
    /// The server redirects. Redirects are not followed, because the caller should decide where to connect.
    #[error("the server redirects to {} ({status})", location.as_deref().unwrap_or("nowhere"))]
    Redirected {
        /// The status, 300 to 399.
        status: StatusCode,
        /// The header `Location`.
        location: Option<String>,
    },
    /// The server opened a WebSocket, but its response violates RFC 6455 §4.1 or RFC 8441 §5.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// [`Options::connect_timeout`](crate::Options::connect_timeout) expired.
    #[error("the connection did not open within {0:?}")]
    TimedOut(Duration),
    /// Every [`Client`](crate::Client) and the [`Messages`](crate::Messages) were dropped, or the runtime ended.
    #[error("every handle to the connection was dropped")]
    Abandoned,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing, or it ended before the message was handed to the socket.
    #[error("the connection is closing or closed")]
    Closed,
    /// The message, including its frame header, is longer than
    /// [`Options::max_outbound`](crate::Options::max_outbound), or it is a ping of more than 125 bytes (RFC 6455 §5.5).
    #[error("the message is too long to be sent at all")]
    TooLong,
}

impl From<protocol::SendError> for SendError {
    fn from(error: protocol::SendError) -> Self {
        match error {
            protocol::SendError::TooLong => Self::TooLong,
            // If the buffer is full, the message waits. It fails only if the connection closes before the message is
            // queued.
            _ => Self::Closed,
        }
    }
}
