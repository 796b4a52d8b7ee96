//! A correct server of WebSockets over HTTP/2: hyper's server, with the framing of another library.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_host_client::Options;
use ws_host_protocol::handshake::server::{Rules, check_http2};
use ws_host_protocol::handshake::{Origins, Versions};

use crate::frames::http2;
use crate::peer::Listener;

pub(crate) type FullResponse = Response<Full<Bytes>>;

/// The number of connections that were opened, and the number that have ended.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) begun: AtomicUsize,
    pub(crate) ended: AtomicUsize,
}

/// Returns hyper's defaults with extended CONNECT.
pub(crate) fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.enable_connect_protocol();
    builder
}

/// Serves all connections of a new listener. Returns options for connecting to it.
pub(crate) async fn serve(
    builder: Builder<TokioExecutor>,
    respond: fn(Request<Incoming>) -> FullResponse,
) -> (Options, Arc<Count>) {
    let listener = Listener::bind().await;
    let options = http2(&listener);
    let count = Arc::new(Count::default());
    let counted = count.clone();
    tokio::spawn(async move {
        loop {
            let stream = listener.accept_whenever().await;
            counted.begun.fetch_add(1, Ordering::SeqCst);
            let (builder, counted) = (builder.clone(), counted.clone());
            tokio::spawn(async move {
                serve_stream(&builder, stream, respond).await;
                counted.ended.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    (options, count)
}

/// Serves one connection until it ends.
pub(crate) async fn serve_stream(
    builder: &Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    respond: fn(Request<Incoming>) -> FullResponse,
) {
    let service = service_fn(move |request| ready(Ok::<_, Infallible>(respond(request))));
    // The client's test checks how the connection ends.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// Opens a WebSocket correctly and sends every message back.
pub(crate) fn echo(mut request: Request<Incoming>) -> FullResponse {
    let response = accepted(&request);
    tokio::spawn(async move {
        let stream = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
        let mut server = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = server.next().await {
            if (message.is_text() || message.is_binary()) && server.send(message).await.is_err() {
                break;
            }
        }
    });
    response
}

/// Returns the response to a valid request, with the first subprotocol.
pub(crate) fn accepted(request: &Request<Incoming>) -> FullResponse {
    let (origins, versions) = (Origins::default(), Versions::default());
    let rules = Rules::new(&origins, &versions);
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    let upgrade = check_http2(request, protocol, &rules).unwrap();
    let subprotocol = upgrade.subprotocols().first().map(String::as_str);
    upgrade.response(subprotocol).unwrap().map(|()| Full::default())
}
