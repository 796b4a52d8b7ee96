//! Errors: options that cannot be, connections that do not open, messages that are not sent.

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

/// Why options do not describe a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// [`Options::proxy`](crate::Options::proxy).
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// RFC 6455 §4.1: a subprotocol is a token of RFC 9110.
    #[error("{0:?} is not a subprotocol: letters, digits and !#$%&'*+-.^_`|~ are allowed")]
    Subprotocol(String),
    /// RFC 6455 §4.1: subprotocols must be unique.
    #[error("the subprotocol {0:?} is offered twice")]
    SubprotocolTwice(String),
    /// A name or a value that cannot stand in an HTTP header. The value may be a secret.
    #[error("the header {0:?} has a name or a value that HTTP does not allow")]
    Header(String),
    /// RFC 9110 §7.2: what the header `Host` may say.
    #[error("{0:?} is not a host; write name or name:port")]
    Host(String),
    /// A header that the handshake itself writes, or one that would break it.
    #[error(
        "the header {0} belongs to the handshake and cannot be set, like Upgrade, Connection, \
         Sec-WebSocket-*, and what tells the length of a request; Host and Origin can"
    )]
    HandshakeHeader(String),
}

/// Why a connection did not open. Clones share their cause.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host is not known, does not listen, or cannot be reached.
    #[error("cannot reach {host} at port {port}")]
    Unreachable {
        /// The host of the URL.
        host: String,
        /// The port of the URL, or the scheme's.
        port: u16,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// [`Options::unix`](crate::Options::unix), and nobody listens there.
    #[error("cannot reach the socket {}", path.display())]
    UnixUnreachable {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// [`Options::proxy`](crate::Options::proxy), and the proxy is not known, does not listen, or cannot be
    /// reached.
    #[error("cannot reach the proxy {host} at port {port}")]
    ProxyUnreachable {
        /// The host of the proxy.
        host: String,
        /// The port of the proxy.
        port: u16,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The proxy makes no tunnel to the server: it does not allow that, wants to know who asks, or cannot
    /// reach the server itself.
    #[error("the proxy refused: {status}")]
    ProxyRefused {
        /// The status.
        status: StatusCode,
        /// The text of the answer: its first 64 KiB.
        body: String,
    },
    /// The proxy did not answer in HTTP, or closed before it answered.
    #[error("the proxy gave no HTTP answer")]
    ProxyHttp(#[source] Arc<dyn Error + Send + Sync>),
    /// TLS did not come about; above all because the certificate is not trusted.
    #[error("no TLS connection to {host}")]
    Tls {
        /// The host of the URL.
        host: String,
        /// What TLS says.
        source: Arc<io::Error>,
    },
    /// The server wants a certificate of the client, or does not take the one that it was shown. Over TLS
    /// 1.2 a server says so less clearly: that is [`Tls`](Self::Tls).
    #[error("{host} wants another certificate of the client, or one at all")]
    ClientNotTrusted {
        /// The host of the URL.
        host: String,
        /// What TLS says.
        source: Arc<io::Error>,
    },
    /// A `wss` URL, and what came was no TLS.
    #[error("{host} does not speak TLS at this port: write ws://, or another port")]
    TlsNotSpoken {
        /// The host of the URL.
        host: String,
    },
    /// A `ws` URL, and what came was TLS.
    #[error("the server speaks TLS at this port: write wss://")]
    TlsExpected,
    /// [`Verify::System`](crate::Verify::System), and the system trusts nobody.
    #[error("the system has no certificates of authorities")]
    NoSystemRoots,
    /// [`Verify::File`](crate::Verify::File), and the file cannot be read or holds no certificate.
    #[error("no certificates in {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// [`Options::client_certificate`](crate::Options::client_certificate), and the file cannot be read or
    /// holds no certificate.
    #[error("no certificate in {}", path.display())]
    ClientCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// [`Options::client_certificate`](crate::Options::client_certificate), and the file cannot be read,
    /// holds no key, or not the one of the certificate.
    #[error("no key for the certificate in {}", path.display())]
    ClientKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// [`Options::http`](crate::Options::http) allows this version, and the server speaks another one.
    #[error("the server does not speak {0} at this port")]
    HttpNotSpoken(HttpVersion),
    /// RFC 8441 §3: the server speaks HTTP/2 and has not said that it opens WebSockets over it.
    #[error("the server opens no WebSockets over HTTP/2; it may over HTTP/1.1")]
    NoExtendedConnect,
    /// [`Http2Connection::open`](crate::Http2Connection::open), and the URL is of another server.
    #[error("the HTTP/2 connection is not to the server of this URL")]
    AnotherServer,
    /// The server did not answer in HTTP, or closed before it answered.
    #[error("the server gave no HTTP answer")]
    Http(#[source] Arc<dyn Error + Send + Sync>),
    /// The server answered with a status that opens no WebSocket.
    #[error("the server refused: {status}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The text of the answer: its first 64 KiB.
        body: String,
    },
    /// The server redirects. That is not followed: where to connect is the caller's decision.
    #[error("the server redirects to {} ({status})", location.as_deref().unwrap_or("nowhere"))]
    Redirected {
        /// The status, 300 to 399.
        status: StatusCode,
        /// The header `Location`.
        location: Option<String>,
    },
    /// The server opened a WebSocket and broke RFC 6455 §4.1, or RFC 8441 §5, in doing so.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// [`Options::connect_timeout`](crate::Options::connect_timeout) was over.
    #[error("not connected within {0:?}")]
    TimedOut(Duration),
    /// Every [`Client`](crate::Client) and the [`Messages`](crate::Messages) were dropped, or the
    /// runtime ended.
    #[error("nobody waits for the connection any more")]
    Abandoned,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or has ended; or it ended before the message was handed to the
    /// socket.
    #[error("the connection is closing or closed")]
    Closed,
    /// It is longer than [`Options::max_outbound`](crate::Options::max_outbound), its frame's header
    /// included; or a ping has more than 125 octets (RFC 6455 §5.5).
    #[error("the message is too long to be sent at all")]
    TooLong,
}

impl From<protocol::SendError> for SendError {
    fn from(error: protocol::SendError) -> Self {
        match error {
            protocol::SendError::TooLong => Self::TooLong,
            // Who finds the buffer full waits, and is only refused when it closes meanwhile.
            _ => Self::Closed,
        }
    }
}
