//! The WebSocket client of a resource's handlers.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tower::Service;
use ws_host_protocol::handshake::client::Handshake;

use super::connector::Connector;
use super::error::RequestError;
use super::stream::Stream;
use super::tls::Tls;
use crate::grant::HttpServer;

/// The maximum length of a response head, in bytes.
const MAX_HEAD: usize = 32 << 10;

/// Opens WebSockets to granted servers.
pub(crate) struct WebSocketClient {
    connector: Connector,
    /// How long the response may take after the connection is established.
    response_timeout: Duration,
}

/// A WebSocket that is open.
pub(crate) struct OpenedWebSocket {
    pub(crate) stream: Box<TokioIo<Stream>>,
    /// Bytes of frames that arrived together with the response.
    pub(crate) early: Vec<u8>,
    /// The subprotocol that the server chose.
    pub(crate) subprotocol: Option<String>,
}

/// The request to open a WebSocket.
#[derive(Clone, Debug)]
pub(crate) struct WebSocketRequest {
    pub(crate) url: Uri,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl WebSocketClient {
    pub(crate) fn new(
        servers: Vec<HttpServer>,
        connect_timeout: Duration,
        response_timeout: Duration,
    ) -> Self {
        let (servers, tls) = (servers.into(), Arc::new(Tls::default()));
        let connector = Connector { servers, tls, timeout: connect_timeout };
        Self { connector, response_timeout }
    }

    /// Returns whether WebSockets to this URL are granted.
    pub(crate) fn grants(&self, url: &Uri) -> bool {
        self.connector.servers.iter().any(|server| server.serves(url))
    }

    /// Opens a WebSocket. The request must be valid.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub(crate) async fn open(
        self: Arc<Self>,
        request: WebSocketRequest,
    ) -> Result<OpenedWebSocket, RequestError> {
        let stream = self.connector.clone().call(request.url.clone()).await?;
        let opened = opened(stream, request);
        let opened = timeout(self.response_timeout, opened).await;
        opened.unwrap_or(Err(RequestError::FirstByteTimeout))
    }
}

async fn opened(
    stream: Stream,
    request: WebSocketRequest,
) -> Result<OpenedWebSocket, RequestError> {
    // RFC 6455 §4.1: 16 random bytes for each connection.
    let handshake = Handshake::new(rand::random(), request.subprotocols.clone());
    let request = http_request(&handshake, request)?;
    let failed = |error: hyper::Error| RequestError::connected(&error);
    let connecting = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(stream).await;
    let (mut sender, mut connection) = connecting.map_err(failed)?;
    let mut is_over = false;
    let mut response = pin!(sender.send_request(request));
    // The HTTP connection has no task of its own, so it is polled here.
    let response = poll_fn(|context| {
        is_over = is_over || connection.poll_without_shutdown(context).is_ready();
        response.as_mut().poll(context)
    });
    let response = response.await.map_err(failed)?;
    let accepted = handshake.check(&response);
    let accepted = accepted.map_err(|error| RequestError::Refused(error.to_string()))?;
    poll_fn(|context| match is_over {
        true => Poll::Ready(()),
        false => connection.poll_without_shutdown(context).map(drop),
    })
    .await;
    let parts = connection.into_parts();
    Ok(OpenedWebSocket {
        stream: Box::new(TokioIo::new(parts.io)),
        early: parts.read_buf.into(),
        subprotocol: accepted.subprotocol,
    })
}

fn http_request(
    handshake: &Handshake,
    request: WebSocketRequest,
) -> Result<Request<Empty<Bytes>>, RequestError> {
    let invalid = |error: http::Error| RequestError::Refused(error.to_string());
    let host = request.url.authority().map_or("", |authority| authority.as_str());
    let resource = request.url.path_and_query().map_or("/", |resource| resource.as_str());
    let resource = resource.parse::<Uri>().map_err(|error| invalid(error.into()))?;
    let made = handshake.request(host, resource).map_err(|error| invalid(error.into()))?;
    let mut made = made.map(|()| Empty::new());
    made.headers_mut().extend(HeaderMap::from_iter(request.headers));
    Ok(made)
}
