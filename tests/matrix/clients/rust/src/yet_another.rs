//! The crate `yawc`, over HTTP/1.1 and over HTTP/2 (RFC 8441).

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use yawc::close::CloseCode;
use yawc::frame::OpCode;
use yawc::{Frame, HttpRequest, HttpStream, HttpVersion, Options, WebSocket};

use crate::socket::{Agreed, Message, Open, Received, Socket};
use crate::stream::Dialer;

pub(crate) struct Client(pub(crate) Dialer, pub(crate) Version);

/// The version of HTTP.
#[derive(Clone, Copy)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Above the default limit, which is as large as the largest message of a plan.
const LIMIT: usize = 1 << 21;

impl Open for Client {
    type Socket = WebSocket<HttpStream>;

    const VERSION: &str = "0.5.0";

    async fn open(
        &self,
        url: &str,
        subprotocols: Option<&str>,
    ) -> Result<(Self::Socket, Option<Agreed>)> {
        let mut request = HttpRequest::builder();
        if let Some(list) = subprotocols {
            request = request.header("sec-websocket-protocol", list);
        }
        let (version, alpn): (_, &[u8]) = match self.1 {
            Version::Http1 => (HttpVersion::Http1, b"http/1.1"),
            Version::Http2 => (HttpVersion::Http2, b"h2"),
        };
        let options = Options::default().with_limits(LIMIT, 2 * LIMIT).with_balanced_compression();
        let socket = WebSocket::connect(url.parse()?)
            .with_connector(self.0.connector(alpn))
            .with_options(options)
            .with_request(request)
            .http_version(version)
            .await?;
        Ok((socket, None))
    }
}

impl Socket for WebSocket<HttpStream> {
    async fn send(&mut self, message: Message) -> Result<()> {
        let frame = match message {
            Message::Text(text) => Frame::text(text),
            Message::Binary(bytes) => Frame::binary(bytes),
        };
        Ok(SinkExt::send(self, frame).await?)
    }

    async fn receive(&mut self) -> Result<Received> {
        loop {
            let frame = self.next().await.context("the end")?;
            return Ok(match frame.opcode() {
                OpCode::Text => Received::Message(Message::Text(frame.as_str().to_owned())),
                OpCode::Binary => Received::Message(Message::Binary(frame.payload().to_vec())),
                OpCode::Close => Received::Close(
                    frame.close_code().map_or(1005, u16::from),
                    frame.close_reason()?.unwrap_or_default().to_owned(),
                ),
                _ => continue,
            });
        }
    }

    async fn close(&mut self, code: u16, reason: &str) -> Result<()> {
        Ok(SinkExt::send(self, Frame::close(CloseCode::from(code), reason)).await?)
    }

    async fn end(mut self) -> Result<()> {
        while self.next().await.is_some() {}
        Ok(())
    }
}
