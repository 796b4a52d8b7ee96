//! The crate `tokio-websockets`.

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, CloseCode, Limits, Message as Theirs, WebSocketStream};

use crate::socket::{Agreed, Message, Open, Received, Socket};
use crate::stream::{Dialer, Stream};

pub(crate) struct Client(pub(crate) Dialer);

impl Open for Client {
    type Socket = WebSocketStream<Box<dyn Stream>>;

    const VERSION: &str = "0.13.3";

    async fn open(
        &self,
        url: &str,
        subprotocols: Option<&str>,
    ) -> Result<(Self::Socket, Option<Agreed>)> {
        let mut builder = ClientBuilder::new().uri(url)?.limits(Limits::default());
        if let Some(list) = subprotocols {
            builder = builder.add_header("sec-websocket-protocol".parse()?, list.parse()?)?;
        }
        let (socket, answer) = builder.connect_on(self.0.dial(url).await?).await?;
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
            let message = self.next().await.context("the end")??;
            if let Some((code, reason)) = message.as_close() {
                return Ok(Received::Close(code.into(), reason.to_owned()));
            }
            if let Some(text) = message.as_text() {
                return Ok(Received::Message(Message::Text(text.to_owned())));
            }
            if message.is_binary() {
                return Ok(Received::Message(Message::Binary(message.as_payload().to_vec())));
            }
        }
    }

    async fn close(&mut self, code: u16, reason: &str) -> Result<()> {
        let code = CloseCode::try_from(code)?;
        Ok(SinkExt::send(self, Theirs::close(Some(code), reason)).await?)
    }

    async fn end(mut self) -> Result<()> {
        while let Some(message) = self.next().await {
            message?;
        }
        Ok(())
    }
}
