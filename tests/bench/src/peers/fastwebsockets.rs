//! fastwebsockets, upgraded from hyper: from HTTP/1.1, or on a stream of HTTP/2.

use std::convert::Infallible;

use bytes::Bytes;
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, Role, WebSocket,
    WebSocketError, WebSocketWrite, upgrade,
};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;

use super::subscribers::{Subscribers, Subscription};

/// WebSockets that an HTTP/2 connection may have, more than any workload needs.
const MAX_STREAMS: u32 = 10_000;

/// A frame to be written, whose payload may be shared.
#[derive(Clone)]
pub(super) struct Outbound(OpCode, Bytes);

/// Sends every message back.
pub(super) async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    serve(stream, |socket| async move { send_back(socket.await?).await }).await;
}

/// Sends every message back, on each WebSocket of an HTTP/2 connection.
pub(super) async fn echo_over_http2(stream: TcpStream) {
    let answer = async |mut request: Request<Incoming>| {
        let mut response = Response::new(Empty::<Bytes>::new());
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        if request.method() != Method::CONNECT || protocol != Some("websocket") {
            *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
            return Ok::<_, Infallible>(response);
        }
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Ok(stream) = upgraded.await {
                let stream = TokioIo::new(stream);
                let _ = send_back(WebSocket::after_handshake(stream, Role::Server)).await;
            }
        });
        Ok(response)
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .enable_connect_protocol()
        .max_concurrent_streams(MAX_STREAMS)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // The load generator drops its connections when the run is over.
    let _ = connection.await;
}

async fn send_back(
    socket: WebSocket<impl AsyncRead + AsyncWrite + Unpin>,
) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(socket);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

/// Sends text messages back, and binary messages to all connections.
pub(super) async fn megaphone(stream: TcpStream, subscribers: Subscribers<Outbound>) {
    serve(stream, |socket| {
        let subscribers = subscribers.clone();
        async move {
            let (reader, writer) = socket.await?.split(tokio::io::split);
            let (subscription, messages) = subscribers.subscribe().await;
            tokio::spawn(write(writer, messages));
            let read = read(FragmentCollectorRead::new(reader), &subscription, &subscribers).await;
            subscribers.unsubscribe(subscription).await;
            read
        }
    })
    .await;
}

async fn read(
    mut reader: FragmentCollectorRead<impl AsyncRead + Unpin>,
    subscription: &Subscription<Outbound>,
    subscribers: &Subscribers<Outbound>,
) -> Result<(), WebSocketError> {
    loop {
        // Answers to pings and close frames.
        let mut answer = |frame: Frame<'_>| {
            subscription.queue.send(Outbound(frame.opcode, owned(&frame.payload)))
        };
        let frame = reader.read_frame(&mut answer).await?;
        let message = Outbound(frame.opcode, owned(&frame.payload));
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Binary => subscribers.publish(&message).await,
            // The writer ends with the connection.
            OpCode::Text if subscription.queue.send(message).await.is_err() => return Ok(()),
            _ => {}
        }
    }
}

async fn write(
    mut writer: WebSocketWrite<impl AsyncWrite + Unpin>,
    mut messages: Receiver<Outbound>,
) {
    while let Some(Outbound(opcode, payload)) = messages.recv().await {
        let frame = Frame::new(true, opcode, None, Payload::Borrowed(&payload));
        if writer.write_frame(frame).await.is_err() {
            return;
        }
    }
}

fn owned(payload: &[u8]) -> Bytes {
    Bytes::copy_from_slice(payload)
}

async fn serve<F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    act: impl Fn(upgrade::UpgradeFut) -> F,
) where
    F: Future<Output = Result<(), WebSocketError>> + Send + 'static,
{
    let answer = async |mut request: Request<Incoming>| {
        let (response, upgraded) = upgrade::upgrade(&mut request)?;
        let connection = act(upgraded);
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok::<Response<Empty<Bytes>>, WebSocketError>(response)
    };
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades();
    // The load generator drops its connections when the run is over.
    let _ = connection.await;
}
