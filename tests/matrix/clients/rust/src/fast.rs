//! The crate `fastwebsockets`, with hyper's handshake.

use anyhow::Result;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, handshake};
use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::socket::{Agreed, Message, Open, Received, Socket};
use crate::stream::{Dialer, host_of};

pub(crate) struct Client(pub(crate) Dialer);

pub(crate) type Collected = FragmentCollector<TokioIo<Upgraded>>;

impl Open for Client {
    type Socket = Collected;

    const VERSION: &str = "0.10.0";

    async fn open(
        &self,
        url: &str,
        subprotocols: Option<&str>,
    ) -> Result<(Self::Socket, Option<Agreed>)> {
        let mut request = Request::get(url)
            .header("Host", host_of(url)?)
            .header("Upgrade", "websocket")
            .header("Connection", "upgrade")
            .header("Sec-WebSocket-Key", handshake::generate_key())
            .header("Sec-WebSocket-Version", "13");
        if let Some(list) = subprotocols {
            request = request.header("Sec-WebSocket-Protocol", list);
        }
        let request = request.body(Empty::<Bytes>::new())?;
        let stream = self.0.dial(url).await?;
        let (socket, answer) = handshake::client(&TokioExecutor::new(), request, stream).await?;
        let value = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let agreed = Agreed {
            subprotocol: value("sec-websocket-protocol"),
            extensions: value("sec-websocket-extensions"),
        };
        Ok((FragmentCollector::new(socket), Some(agreed)))
    }
}

impl Socket for Collected {
    async fn send(&mut self, message: Message) -> Result<()> {
        let frame = match message {
            Message::Text(text) => Frame::text(Payload::Owned(text.into_bytes())),
            Message::Binary(bytes) => Frame::binary(Payload::Owned(bytes)),
        };
        Ok(self.write_frame(frame).await?)
    }

    async fn receive(&mut self) -> Result<Received> {
        loop {
            let frame = self.read_frame().await?;
            let payload = frame.payload.to_vec();
            return Ok(match frame.opcode {
                OpCode::Text => Received::Message(Message::Text(String::from_utf8(payload)?)),
                OpCode::Binary => Received::Message(Message::Binary(payload)),
                OpCode::Close => match payload.split_first_chunk() {
                    None => Received::Close(1005, String::new()),
                    Some((code, reason)) => Received::Close(
                        u16::from_be_bytes(*code),
                        String::from_utf8(reason.to_vec())?,
                    ),
                },
                _ => continue,
            });
        }
    }

    async fn close(&mut self, code: u16, reason: &str) -> Result<()> {
        Ok(self.write_frame(Frame::close(code, reason.as_bytes())).await?)
    }

    async fn end(self) -> Result<()> {
        // fastwebsockets does not wait for the end of the TCP connection. Dropping the socket closes it.
        Ok(())
    }
}
