//! The connection for HTTP: a socket, optional TLS, and the version of HTTP that both ends speak.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::UnixStream;

use crate::dial::dial;
use crate::error::ConnectError;
use crate::http_version::HttpVersion;
use crate::options::Options;
use crate::sniff::{FirstInput, PeerProbe, Sniffed};
use crate::stream::Stream;
use crate::tls;
use crate::url::Scheme;

/// A new connection, on which HTTP has not started yet.
pub(crate) struct Transport {
    pub(crate) stream: Sniffed,
    pub(crate) probe: PeerProbe,
    /// The version to speak. Never [`HttpVersion::Either`].
    pub(crate) http: HttpVersion,
}

/// Connects to a server, and offers these versions of HTTP.
///
/// # Cancel safety
///
/// Dropping the future closes the socket.
pub(crate) async fn connect(
    options: &Options,
    offered: HttpVersion,
) -> Result<Transport, ConnectError> {
    let socket = socket(options).await?;
    let (stream, http): (Box<dyn Stream>, _) = match (options.url.scheme, offered) {
        (Scheme::Ws, HttpVersion::Http2) => (socket, HttpVersion::Http2),
        (Scheme::Ws, _) => (socket, HttpVersion::Http1),
        (Scheme::Wss, _) => {
            let stream = tls::connect(socket, options, offered).await?;
            let chosen = match stream.get_ref().1.alpn_protocol() {
                Some(HttpVersion::ALPN_HTTP2) => HttpVersion::Http2,
                // A server without ALPN speaks HTTP/1.1.
                _ => HttpVersion::Http1,
            };
            if offered == HttpVersion::Http2 && chosen != offered {
                return Err(ConnectError::HttpNotSpoken(offered));
            }
            (Box::new(stream), chosen)
        }
    };
    let (stream, probe) = Sniffed::new(stream);
    Ok(Transport { stream, probe, http })
}

/// Explains why the server gave no valid response, if the first bytes from the server show the reason.
pub(crate) fn response_error(
    options: &Options,
    wanted: HttpVersion,
    probe: &PeerProbe,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> ConnectError {
    match (probe.first(), options.url.scheme, wanted) {
        (Some(FirstInput::Tls), Scheme::Ws, _) => ConnectError::TlsExpected,
        (Some(FirstInput::TlsError(refusal)), Scheme::Wss, _) => {
            let error = io::Error::new(io::ErrorKind::InvalidData, refusal.clone());
            tls::tls_failure(error, options.url.host(), wanted)
        }
        // RFC 9113 §3.4: an HTTP/2 server sends its settings first, regardless of what the client sends.
        (Some(FirstInput::Http1 | FirstInput::Closed) | None, Scheme::Ws, HttpVersion::Http2)
        | (Some(FirstInput::Http2), _, HttpVersion::Http1) => ConnectError::HttpNotSpoken(wanted),
        _ => ConnectError::Http(Arc::from(error.into())),
    }
}

async fn socket(options: &Options) -> Result<Box<dyn Stream>, ConnectError> {
    match (&options.unix, &options.proxy) {
        (Some(path), _) => unix_socket(path).await,
        (None, Some(proxy)) => proxy.tunnel(&options.url).await,
        (None, None) => tcp_socket(options.url.host(), options.url.port).await,
    }
}

async fn tcp_socket(host: &str, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
    let failed = |source| ConnectError::Unreachable {
        host: host.to_owned(),
        port,
        source: Arc::new(source),
    };
    Ok(Box::new(dial(host, port).await.map_err(failed)?))
}

async fn unix_socket(path: &Path) -> Result<Box<dyn Stream>, ConnectError> {
    match UnixStream::connect(path).await {
        Ok(socket) => Ok(Box::new(socket)),
        Err(source) => {
            Err(ConnectError::UnixUnreachable { path: path.to_owned(), source: Arc::new(source) })
        }
    }
}
