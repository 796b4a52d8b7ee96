//! An HTTP/2 connection, as those who open WebSockets on it see it.

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
use crate::establish::{Ground, within};
use crate::http_version::HttpVersion;
use crate::messages::Messages;
use crate::options::Options;
use crate::transport::{self, Transport};
use crate::url::Url;

/// A connection over HTTP/2 that carries any number of WebSockets (RFC 8441). Clones share it.
///
/// One task drives it, and each WebSocket has its own. When the last clone is dropped and the last
/// WebSocket has ended, the connection is closed.
///
/// Of each WebSocket at most 1 MiB waits unread; a slow one does not hold up the others.
#[derive(Clone)]
pub struct Http2Connection {
    requests: SendRequest<Empty<Bytes>>,
    user: User,
    /// Only its scheme, host and port count.
    server: Url,
}

/// Keeps a connection wanted: when the last one is dropped, it is closed. Nothing is sent.
pub(super) type User = mpsc::Sender<Infallible>;

impl Http2Connection {
    /// Connects to the server of a URL, and waits until the server has said that it opens WebSockets over
    /// HTTP/2. Of the options those count that are about the connection: the scheme, host and port of the
    /// URL, [`verify`](Options::verify), [`client_certificate`](Options::client_certificate),
    /// [`unix`](Options::unix), [`proxy`](Options::proxy) and [`connect_timeout`](Options::connect_timeout).
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; above all [`ConnectError::HttpNotSpoken`] and
    /// [`ConnectError::NoExtendedConnect`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O.
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

    /// Begins to open a WebSocket, and returns at once, as [`connect`](crate::connect) does. The URL must
    /// have the scheme, host and port that the connection was made for
    /// ([`ConnectError::AnotherServer`]). Options that are about the connection are not looked at.
    ///
    /// A server limits how many there may be (`SETTINGS_MAX_CONCURRENT_STREAMS`). One more waits for its
    /// turn, within [`Options::connect_timeout`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O.
    pub fn open(&self, options: Options) -> (Client, Messages) {
        client::begin(options, Ground::Shared(self.clone()))
    }

    /// Begins to speak HTTP/2, and waits for what the server says of itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub(crate) async fn start(
        transport: Transport,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let Transport { stream, scent, .. } = transport;
        let no_answer =
            |error: Box<_>| transport::no_answer(options, HttpVersion::Http2, &scent, error);
        let begun = driver::handshake(stream).await;
        let (requests, mut driver) = begun.map_err(|error| no_answer(error.into()))?;
        match driver.settings().await.map_err(no_answer)? {
            Extended::Enabled => {}
            Extended::Disabled => return Err(ConnectError::NoExtendedConnect),
        }
        // Nothing is sent: what counts is that somebody has the other end.
        let (user, users) = mpsc::channel(1);
        tokio::spawn(driver.run(users));
        Ok(Self { requests, user, server: options.url.clone() })
    }

    /// Whether this URL is of the server at the other end.
    pub(crate) fn is_to(&self, url: &Url) -> bool {
        self.server.is_same_server(url)
    }

    pub(crate) async fn send(
        &self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.requests.clone().send_request(request).await
    }

    pub(super) fn user(&self) -> User {
        self.user.clone()
    }
}

impl fmt::Debug for Http2Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server.host_header();
        f.debug_struct("Http2Connection").field("server", &server).finish_non_exhaustive()
    }
}
