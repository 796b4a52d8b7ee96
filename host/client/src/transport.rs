//! What carries HTTP: a socket, TLS on it, and the version of HTTP that both speak.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::UnixStream;

use crate::dial::dial;
use crate::error::ConnectError;
use crate::http_version::HttpVersion;
use crate::options::Options;
use crate::sniff::{First, Scent, Sniffed};
use crate::stream::Stream;
use crate::tls;
use crate::url::Scheme;

/// A connection over which nothing of HTTP has gone yet.
pub(crate) struct Transport {
    pub(crate) stream: Sniffed,
    pub(crate) scent: Scent,
    /// What is spoken on it: never [`HttpVersion::Either`].
    pub(crate) http: HttpVersion,
}

/// Connects to a server that speaks what is offered.
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
                // A server that knows no ALPN speaks HTTP/1.1.
                _ => HttpVersion::Http1,
            };
            if offered == HttpVersion::Http2 && chosen != offered {
                return Err(ConnectError::HttpNotSpoken(offered));
            }
            (Box::new(stream), chosen)
        }
    };
    let (stream, scent) = Sniffed::new(stream);
    Ok(Transport { stream, scent, http })
}

/// Why the server did not answer as was expected of it, as far as it can be told from what it said.
pub(crate) fn no_answer(
    options: &Options,
    wanted: HttpVersion,
    scent: &Scent,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> ConnectError {
    match (scent.first(), options.url.scheme, wanted) {
        (Some(First::Tls), Scheme::Ws, _) => ConnectError::TlsExpected,
        (Some(First::Refusal(refusal)), Scheme::Wss, _) => {
            let error = io::Error::new(io::ErrorKind::InvalidData, refusal.clone());
            tls::why(error, options.url.host(), wanted)
        }
        // RFC 9113 §3.4: who speaks HTTP/2 says something first, whatever it has heard.
        (Some(First::Http1 | First::Leaving) | None, Scheme::Ws, HttpVersion::Http2)
        | (Some(First::Http2), _, HttpVersion::Http1) => ConnectError::HttpNotSpoken(wanted),
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
