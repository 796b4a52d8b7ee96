//! tokio-tungstenite.

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::WebSocketConfig};

use super::subscribers::{Subscribers, Subscription};

/// Sends every message back.
pub(super) async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin, config: WebSocketConfig) {
    // The load generator drops its connections when the run is over.
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

/// Sends text messages back, and binary messages to all connections.
pub(super) async fn megaphone(
    stream: TcpStream,
    config: WebSocketConfig,
    subscribers: Subscribers<Message>,
) {
    let Ok(socket) = accept_async_with_config(stream, Some(config)).await else {
        return;
    };
    let (writer, reader) = socket.split();
    let (subscription, messages) = subscribers.subscribe().await;
    tokio::spawn(write(writer, messages));
    read(reader, &subscription, &subscribers).await;
    subscribers.unsubscribe(subscription).await;
}

async fn read(
    mut reader: impl Stream<Item = Result<Message, Error>> + Unpin,
    subscription: &Subscription<Message>,
    subscribers: &Subscribers<Message>,
) {
    while let Some(Ok(message)) = reader.next().await {
        if message.is_binary() {
            subscribers.publish(&message).await;
        } else if message.is_text() && subscription.queue.send(message).await.is_err() {
            // The writer ends with the connection.
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
