//! fastwebsockets, upgraded from hyper.

use bytes::Bytes;
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, WebSocketError,
    WebSocketWrite, upgrade,
};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;

use super::audience::{Audience, Seat};

/// A frame to be written, whose payload may be shared.
#[derive(Clone)]
pub(super) struct Outbound(OpCode, Bytes);

/// A connection whose messages all go back.
pub(super) async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    serve(stream, |socket| async move {
        let mut socket = FragmentCollector::new(socket.await?);
        loop {
            let frame = socket.read_frame().await?;
            match frame.opcode {
                OpCode::Close => return Ok(()),
                OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
                _ => {}
            }
        }
    })
    .await;
}

/// A connection whose texts go back and whose binary messages go to all.
pub(super) async fn megaphone(stream: TcpStream, audience: Audience<Outbound>) {
    serve(stream, |socket| {
        let audience = audience.clone();
        async move {
            let (reader, writer) = socket.await?.split(tokio::io::split);
            let (seat, messages) = audience.enter().await;
            tokio::spawn(write(writer, messages));
            let read = read(FragmentCollectorRead::new(reader), &seat, &audience).await;
            audience.leave(seat).await;
            read
        }
    })
    .await;
}

async fn read(
    mut reader: FragmentCollectorRead<impl AsyncRead + Unpin>,
    seat: &Seat<Outbound>,
    audience: &Audience<Outbound>,
) -> Result<(), WebSocketError> {
    loop {
        // Answers to pings and close frames.
        let mut answer =
            |frame: Frame<'_>| seat.queue.send(Outbound(frame.opcode, owned(&frame.payload)));
        let frame = reader.read_frame(&mut answer).await?;
        let message = Outbound(frame.opcode, owned(&frame.payload));
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Binary => audience.tell(&message).await,
            // The writer has ended with the connection.
            OpCode::Text if seat.queue.send(message).await.is_err() => return Ok(()),
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
    // The load generator breaks its connections off when it has counted enough.
    let _ = connection.await;
}
