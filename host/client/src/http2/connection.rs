//! The handle to an HTTP/2 connection. WebSockets are opened with it.

use std::convert::Infallible;
use std::fmt;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use tokio::sync::mpsc;

use super::driver::{self, Extended};
use crate::client::{self, Client};
use crate::error::ConnectError;
use crate::establish::{ConnectionUse, within};
use crate::http_version::HttpVersion;
use crate::messages::Messages;
use crate::options::Options;
use crate::transport::{self, Transport};
use crate::url::Url;

/// An HTTP/2 connection that carries any number of WebSockets (RFC 8441). Clones share the connection.
///
/// One task drives the connection, and each WebSocket has its own task. The connection is closed when the last clone
/// has been dropped and the last WebSocket has ended.
///
/// For each WebSocket, at most 1 MiB of received data waits to be read. A slow WebSocket does not delay the others.
#[derive(Clone)]
pub struct Http2Connection {
    requests: SendRequest<Empty<Bytes>>,
    guard: OpenGuard,
    /// Only the scheme, host and port matter.
    server: Url,
}

/// Keeps a connection open. The connection is closed when the last guard is dropped. Nothing is sent through the
/// channel.
pub(super) type OpenGuard = mpsc::Sender<Infallible>;

impl Http2Connection {
    /// Connects to the server of a URL, and waits until the server has announced that it supports WebSockets over
    /// HTTP/2. Uses only the options that concern the connection: the scheme, host and port of the URL,
    /// [`verify`](Options::verify), [`client_certificate`](Options::client_certificate), [`unix`](Options::unix),
    /// [`proxy`](Options::proxy) and [`connect_timeout`](Options::connect_timeout).
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`], in particular [`ConnectError::HttpNotSpoken`] and
    /// [`ConnectError::NoExtendedConnect`].
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time and I/O.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub async fn connect(options: &Options) -> Result<Self, ConnectError> {
        within(options, async {
            let transport = transport::connect(options, HttpVersion::Http2).await?;
            Self::start(transport, options).await
        })
        .await
    }

    /// Starts to open a WebSocket, and returns immediately, as [`connect`](crate::connect) does. The URL must have the
    /// scheme, host and port of the connection. Otherwise, opening fails with [`ConnectError::AnotherServer`]. Options
    /// that concern the connection are ignored.
    ///
    /// A server limits the number of concurrent WebSockets (`SETTINGS_MAX_CONCURRENT_STREAMS`). A WebSocket beyond this
    /// limit waits until another WebSocket ends, but no longer than [`Options::connect_timeout`].
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time and I/O.
    pub fn open(&self, options: Options) -> (Client, Messages) {
        client::start(options, ConnectionUse::Shared(self.clone()))
    }

    /// Starts HTTP/2 on a new connection, and waits for the server's settings.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub(crate) async fn start(
        transport: Transport,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let Transport { stream, probe, .. } = transport;
        let response_error =
            |error: Box<_>| transport::response_error(options, HttpVersion::Http2, &probe, error);
        let started = driver::handshake(stream).await;
        let (requests, mut driver) = started.map_err(|error| response_error(error.into()))?;
        match driver.settings().await.map_err(response_error)? {
            Extended::Enabled => {}
            Extended::Disabled => return Err(ConnectError::NoExtendedConnect),
        }
        // Nothing is ever sent. The driver only waits until all senders have been dropped.
        let (guard, guards) = mpsc::channel(1);
        tokio::spawn(driver.run(guards));
        Ok(Self { requests, guard, server: options.url.clone() })
    }

    /// Returns whether a URL names the server of this connection.
    pub(crate) fn is_to(&self, url: &Url) -> bool {
        self.server.is_same_server(url)
    }

    pub(crate) async fn send(
        &self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.requests.clone().send_request(request).await
    }

    pub(crate) fn guard(&self) -> OpenGuard {
        self.guard.clone()
    }
}

impl fmt::Debug for Http2Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server.host_header();
        f.debug_struct("Http2Connection").field("server", &server).finish_non_exhaustive()
    }
}
