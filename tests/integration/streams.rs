//! A raw HTTP/2 client that sends frames as tests want them, valid or not.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};
use ws_host_test_support::{DEADLINE, masked_frame};

/// The connection preface of a client (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Frame types, RFC 9113 §6.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

// Frame flags.
pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// The error code with which a client cancels a stream (RFC 9113 §7).
pub(crate) const CANCEL: u32 = 8;

/// Status 200 as an index into the static table (RFC 7541, appendix A).
pub(crate) const STATUS_200: u8 = 0x88;

/// A frame from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A connection with many streams. It keeps frames that arrive while the test waits for a different one.
pub(crate) struct Connection {
    socket: TcpStream,
    kept: VecDeque<Frame>,
    /// The incomplete WebSocket frames of each stream.
    parts: std::collections::HashMap<u32, Vec<u8>>,
}

/// Encodes a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Encodes a list of headers, each as a literal without indexing (RFC 7541 §6.2.2).
pub(crate) fn headers(list: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        assert!(text.len() < 127, "the text is too long");
        [&[text.len() as u8], text.as_bytes()].concat()
    };
    list.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// Encodes the request for a WebSocket.
pub(crate) fn websocket(path: &str) -> Vec<u8> {
    headers(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("sec-websocket-version", "13"),
    ])
}

/// Encodes an ordinary GET request.
pub(crate) fn get(path: &str) -> Vec<u8> {
    headers(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
    ])
}

impl Connection {
    /// Connects with prior knowledge that the server speaks HTTP/2.
    pub(crate) fn begin(server: SocketAddr) -> Result<Self> {
        Self::begin_with(server, &[])
    }

    /// Connects with the payload of a SETTINGS frame.
    pub(crate) fn begin_with(server: SocketAddr, settings: &[u8]) -> Result<Self> {
        let mut socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.set_write_timeout(Some(DEADLINE))?;
        socket.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat())?;
        Ok(Self { socket, kept: VecDeque::new(), parts: std::collections::HashMap::new() })
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<()> {
        Ok(self.socket.write_all(&frame(kind, flags, stream, payload))?)
    }

    /// Opens a WebSocket, which must be accepted.
    pub(crate) fn open(&mut self, stream: u32, path: &str) -> Result<()> {
        self.send(HEADERS, END_HEADERS, stream, &websocket(path))?;
        let answer = self.wait_for(HEADERS, stream)?;
        ensure!(answer.payload.first() == Some(&STATUS_200), "refused: {answer:02x?}");
        Ok(())
    }

    /// Sends a masked WebSocket frame, which must fit in one DATA frame.
    pub(crate) fn send_message(&mut self, stream: u32, first: u8, payload: &[u8]) -> Result<()> {
        self.send(DATA, 0, stream, &masked_frame(first, payload))
    }

    /// Receives a WebSocket frame, whose payload must be shorter than 126 bytes.
    pub(crate) fn receive_message(&mut self, stream: u32) -> Result<(u8, Vec<u8>)> {
        loop {
            let part = self.parts.entry(stream).or_default();
            if let [first, length @ 0..126, payload @ ..] = part.as_slice()
                && let Some(payload) = payload.get(..usize::from(*length))
            {
                let message = (*first, payload.to_vec());
                part.drain(..2 + message.1.len());
                return Ok(message);
            }
            let data = self.wait_for(DATA, stream)?;
            self.parts.entry(stream).or_default().extend(data.payload);
        }
    }

    /// Sends a text and receives one.
    pub(crate) fn ask(&mut self, stream: u32, text: &str) -> Result<String> {
        self.send_message(stream, 0x81, text.as_bytes())?;
        let (first, payload) = self.receive_message(stream)?;
        ensure!(first == 0x81, "expected text, got {first:02x} {payload:02x?}");
        Ok(String::from_utf8(payload)?)
    }

    /// Lets the server send this many more bytes.
    pub(crate) fn grant(&mut self, stream: u32, bytes: u32) -> Result<()> {
        self.send(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
    }

    /// Receives the next frame of this type on this stream, and keeps all others.
    pub(crate) fn wait_for(&mut self, kind: u8, stream: u32) -> Result<Frame> {
        let is_it = |frame: &Frame| (frame.kind, frame.stream) == (kind, stream);
        if let Some(place) = self.kept.iter().position(is_it) {
            return self.kept.remove(place).context("no such frame");
        }
        loop {
            let frame = self.read()?;
            if is_it(&frame) {
                return Ok(frame);
            }
            if frame.kind == GOAWAY {
                bail!("the server ends the connection: {:02x?}", frame.payload);
            }
            self.kept.push_back(frame);
        }
    }

    /// Returns whether a frame of this type was kept.
    pub(crate) fn has(&self, kind: u8) -> bool {
        self.kept.iter().any(|frame| frame.kind == kind)
    }

    /// Reads the next frame. Acknowledges SETTINGS and PING, and skips them and WINDOW_UPDATE.
    fn read(&mut self) -> Result<Frame> {
        loop {
            let mut head = [0; 9];
            self.socket.read_exact(&mut head).context("the head of a frame")?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.socket.read_exact(&mut payload).context("the payload of a frame")?;
            match (kind, flags & ACK) {
                (SETTINGS, 0) => self.send(SETTINGS, ACK, 0, &[])?,
                (PING, 0) => self.send(PING, ACK, 0, &payload)?,
                (SETTINGS | WINDOW_UPDATE, _) => {}
                _ => {
                    let stream = u32::from_be_bytes(stream);
                    return Ok(Frame { kind, flags, stream, payload });
                }
            }
        }
    }

    /// The server must end the connection. Returns the error code of its GOAWAY, if there was one.
    pub(crate) fn expect_end(mut self) -> Result<Option<u32>> {
        let mut error = None;
        loop {
            match self.read() {
                Ok(Frame { kind: GOAWAY, payload, .. }) => {
                    let code = payload.get(4..8).context("no error code")?;
                    error = Some(u32::from_be_bytes(code.try_into()?));
                }
                Ok(_) => {}
                Err(why) => {
                    let is_late = why.chain().any(|why| {
                        why.downcast_ref::<std::io::Error>().is_some_and(|error| {
                            matches!(
                                error.kind(),
                                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                            )
                        })
                    });
                    ensure!(!is_late, "the server did not end the connection: {why:#}");
                    return Ok(error);
                }
            }
        }
    }
}
