//! The crate `tokio-tungstenite`.

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message as Theirs;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::socket::{Agreed, Message, Open, Received, Socket};
use crate::stream::{Dialer, Stream};

pub(crate) struct Client(pub(crate) Dialer);

impl Open for Client {
    type Socket = WebSocketStream<Box<dyn Stream>>;

    const VERSION: &str = "0.30.0";

    async fn open(
        &self,
        url: &str,
        subprotocols: Option<&str>,
    ) -> Result<(Self::Socket, Option<Agreed>)> {
        let mut request = url.into_client_request()?;
        if let Some(list) = subprotocols {
            request.headers_mut().insert("sec-websocket-protocol", list.parse()?);
        }
        let (socket, answer) = client_async(request, self.0.dial(url).await?).await?;
        let value = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let agreed = Agreed {
            subprotocol: value("sec-websocket-protocol"),
            extensions: value("sec-websocket-extensions"),
        };
        Ok((socket, Some(agreed)))
    }
}

impl Socket for WebSocketStream<Box<dyn Stream>> {
    async fn send(&mut self, message: Message) -> Result<()> {
        let message = match message {
            Message::Text(text) => Theirs::text(text),
            Message::Binary(bytes) => Theirs::binary(bytes),
        };
        Ok(SinkExt::send(self, message).await?)
    }

    async fn receive(&mut self) -> Result<Received> {
        loop {
            return Ok(match self.next().await.context("the end")?? {
                Theirs::Text(text) => Received::Message(Message::Text(text.to_string())),
                Theirs::Binary(bytes) => Received::Message(Message::Binary(bytes.to_vec())),
                Theirs::Close(None) => Received::Close(1005, String::new()),
                Theirs::Close(Some(frame)) => {
                    Received::Close(frame.code.into(), frame.reason.to_string())
                }
                // tungstenite has answered already.
                _ => continue,
            });
        }
    }

    async fn close(&mut self, code: u16, reason: &str) -> Result<()> {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        Ok(SinkExt::send(self, Theirs::Close(Some(frame))).await?)
    }

    async fn end(mut self) -> Result<()> {
        while let Some(message) = self.next().await {
            message?;
        }
        Ok(())
    }
}
