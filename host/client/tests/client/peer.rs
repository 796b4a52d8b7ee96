//! A server that sends arbitrary bytes, correct or not.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use ws_host_client::{Client, Messages, Options, connect};

/// How long a test waits for something that must happen. Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(20);

/// Fails the test if a future takes longer than [`DEADLINE`].
pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    timeout(DEADLINE, wait).await.expect("this should not take so long")
}

/// A listening server.
pub(crate) struct Listener(TcpListener);

/// The server's end of a connection.
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
}

/// A frame from the client, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) key: [u8; 4],
    pub(crate) payload: Vec<u8>,
}

impl Listener {
    pub(crate) async fn bind() -> Self {
        Self::bind_to("127.0.0.1").await
    }

    pub(crate) async fn bind_to(host: &str) -> Self {
        Self(TcpListener::bind((host, 0)).await.unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn options(&self) -> Options {
        Options::new(&format!("ws://{}/", self.address())).unwrap()
    }

    pub(crate) async fn accept(&self) -> Peer {
        Peer { stream: within(self.0.accept()).await.unwrap().0 }
    }

    /// Accepts a connection, without a time limit.
    pub(crate) async fn accept_whenever(&self) -> TcpStream {
        let stream = self.0.accept().await.unwrap().0;
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Returns both ends of an open connection.
    pub(crate) async fn open(&self, options: Options) -> (Peer, Client, Messages) {
        let (client, messages) = connect(options);
        let mut peer = self.accept().await;
        peer.open("").await;
        within(client.opened()).await.unwrap();
        (peer, client, messages)
    }
}

/// Returns both ends of an open connection with default options.
pub(crate) async fn open() -> (Peer, Client, Messages) {
    let listener = Listener::bind().await;
    listener.open(listener.options()).await
}

/// Returns the correct headers of a response to a request.
pub(crate) fn right_headers(request: &str) -> String {
    let accept = derive_accept_key(header(request, "sec-websocket-key").as_bytes());
    format!("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n")
}

/// Returns the value of a header.
pub(crate) fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let mut headers = request.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).expect("the header").1
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Reads the client's request, up to the empty line.
    pub(crate) async fn request(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within(self.stream.read_u8()).await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// Answers the request with 101, the correct headers, and `more`.
    pub(crate) async fn open(&mut self, more: &str) -> String {
        let request = self.request().await;
        let headers = right_headers(&request);
        self.send(format!("HTTP/1.1 101 Switching Protocols\r\n{headers}{more}\r\n")).await;
        request
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends bytes that are written in hexadecimal, as in the RFC: `81 05 48`.
    pub(crate) async fn send_hex(&mut self, hex: &str) {
        let bytes = hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap());
        self.send(bytes.collect::<Vec<_>>()).await;
    }

    /// Returns the next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        let stream = &mut self.stream;
        within(async {
            let first = stream.read_u8().await.unwrap();
            let second = stream.read_u8().await.unwrap();
            assert!(second & 0x80 != 0, "§5.1: a client masks every frame");
            let length = match second & 0x7f {
                126 => usize::from(stream.read_u16().await.unwrap()),
                127 => usize::try_from(stream.read_u64().await.unwrap()).unwrap(),
                short => usize::from(short),
            };
            let mut key = [0; 4];
            stream.read_exact(&mut key).await.unwrap();
            let mut payload = vec![0; length];
            stream.read_exact(&mut payload).await.unwrap();
            for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
                *byte ^= key;
            }
            Frame { first, key, payload }
        })
        .await
    }

    /// Reads the next frame, which must begin with this byte and have this payload.
    pub(crate) async fn expect(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        let frame = self.frame().await;
        assert_eq!(
            (frame.first, String::from_utf8_lossy(&frame.payload)),
            (first, String::from_utf8_lossy(payload.as_ref()))
        );
    }

    /// Reads the next frame, which must be a close frame with this code.
    pub(crate) async fn expect_close(&mut self, code: u16) {
        let frame = self.frame().await;
        assert_eq!((frame.first, &frame.payload[..2]), (0x88, &code.to_be_bytes()[..]));
    }

    /// Waits until the client leaves, and checks that it has sent nothing more.
    pub(crate) async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        // A reset also ends the connection.
        let _ = within(self.stream.read_to_end(&mut rest)).await;
        assert_eq!(rest, b"");
    }

    /// Sends a close frame, and reads the answer.
    pub(crate) async fn close(mut self, code: u16) {
        self.send([&[0x88, 2][..], &code.to_be_bytes()].concat()).await;
        self.expect_close(code).await;
    }
}
