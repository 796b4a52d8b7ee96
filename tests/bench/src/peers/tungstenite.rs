//! tokio-tungstenite.

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::WebSocketConfig};

use super::audience::{Audience, Seat};

/// A connection whose messages all go back.
pub(super) async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin, config: WebSocketConfig) {
    // The load generator breaks its connections off when it has counted enough.
    let _: Result<(), Error> = async {
        let mut socket = accept_async_with_config(stream, Some(config)).await?;
        while let Some(message) = socket.next().await {
            let message = message?;
            if message.is_text() || message.is_binary() {
                socket.send(message).await?;
            }
        }
        Ok(())
    }
    .await;
}

/// A connection whose texts go back and whose binary messages go to all.
pub(super) async fn megaphone(
    stream: TcpStream,
    config: WebSocketConfig,
    audience: Audience<Message>,
) {
    let Ok(socket) = accept_async_with_config(stream, Some(config)).await else {
        return;
    };
    let (writer, reader) = socket.split();
    let (seat, messages) = audience.enter().await;
    tokio::spawn(write(writer, messages));
    read(reader, &seat, &audience).await;
    audience.leave(seat).await;
}

async fn read(
    mut reader: impl Stream<Item = Result<Message, Error>> + Unpin,
    seat: &Seat<Message>,
    audience: &Audience<Message>,
) {
    while let Some(Ok(message)) = reader.next().await {
        if message.is_binary() {
            audience.tell(&message).await;
        } else if message.is_text() && seat.queue.send(message).await.is_err() {
            // The writer has ended with the connection.
            return;
        }
    }
}

async fn write(
    mut writer: impl Sink<Message, Error = Error> + Unpin,
    mut messages: Receiver<Message>,
) {
    while let Some(message) = messages.recv().await {
        if writer.send(message).await.is_err() {
            return;
        }
    }
}
