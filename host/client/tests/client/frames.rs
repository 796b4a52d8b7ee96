//! A server that sends arbitrary HTTP/2 frames (RFC 9113 §4.1).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use ws_host_client::{Client, HttpVersion, Messages, Options, connect};

use crate::peer::{Listener, within};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `SETTINGS_ENABLE_CONNECT_PROTOCOL` = 1 (RFC 8441 §3).
pub(crate) const EXTENDED_CONNECT: [u8; 6] = [0, 8, 0, 0, 0, 1];

/// The server's end of a connection.
pub(crate) struct Http2Peer {
    pub(crate) stream: TcpStream,
}

/// One frame from the client.
#[derive(Debug)]
pub(crate) struct Http2Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Http2Peer {
    /// Accepts a connection and sends these settings.
    pub(crate) async fn accept(listener: &Listener, settings: &[u8]) -> Self {
        let mut peer = Self { stream: listener.accept().await.stream };
        let mut preface = [0; 24];
        within(peer.stream.read_exact(&mut preface)).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        peer.send(SETTINGS, 0, 0, settings).await;
        peer
    }

    /// Returns both ends of an open WebSocket on stream 1.
    pub(crate) async fn open() -> (Self, Client, Messages) {
        let listener = Listener::bind().await;
        let (client, messages) = connect(http2(&listener));
        let mut peer = Self::accept(&listener, &EXTENDED_CONNECT).await;
        assert_eq!(peer.request().await, 1);
        peer.respond(1, "200", &[]).await;
        within(client.opened()).await.unwrap();
        (peer, client, messages)
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        within(self.stream.write_all(&[&head, payload].concat())).await.unwrap();
    }

    /// Returns the next frame of this kind. Acknowledges the client's settings, and skips other frames.
    pub(crate) async fn expect(&mut self, kind: u8) -> Http2Frame {
        loop {
            let frame = self.frame().await;
            if frame.kind == kind {
                return frame;
            }
            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                self.send(SETTINGS, ACK, 0, &[]).await;
            }
        }
    }

    /// Reads a request, and returns its stream.
    pub(crate) async fn request(&mut self) -> u32 {
        let frame = self.expect(HEADERS).await;
        assert_eq!(frame.flags & END_STREAM, 0, "RFC 8441 §5.1: the stream stays open");
        frame.stream
    }

    /// Answers a request with literal headers without indexing (RFC 7541 §6.2.2).
    pub(crate) async fn respond(&mut self, stream: u32, status: &str, headers: &[(&str, &str)]) {
        let mut block = Vec::new();
        for (name, value) in [(":status", status)].iter().chain(headers) {
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        self.send(HEADERS, END_HEADERS, stream, &block).await;
    }

    async fn frame(&mut self) -> Http2Frame {
        let stream = &mut self.stream;
        within(async {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            let [high, middle, low, kind, flags, number @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
            stream.read_exact(&mut payload).await.unwrap();
            Http2Frame { kind, flags, stream: u32::from_be_bytes(number), payload }
        })
        .await
    }
}

/// Returns options for a listener that is known to speak HTTP/2.
pub(crate) fn http2(listener: &Listener) -> Options {
    listener.options().http(HttpVersion::Http2)
}
