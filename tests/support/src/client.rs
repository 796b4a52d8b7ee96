//! A client that sends whatever a test wants, valid or not.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::{Response, TestServer};

/// How long a test waits for an expected event. Only failing tests wait this long.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The mask of every frame that tests send. Servers accept any.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode in one byte: `0x81` is a whole text message.
    pub first: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

/// A connection after its handshake, over TCP or any other stream.
#[derive(Debug)]
pub struct Client<S = TcpStream> {
    stream: S,
}

/// Opens a TCP connection and sends bytes on it. Reads time out after [`DEADLINE`].
pub fn open_stream(server: SocketAddr, bytes: &[u8]) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(bytes)?;
    Ok(stream)
}

/// Returns the opening handshake for a resource, with `more` header lines, each ended by CRLF.
pub fn handshake(resource: &str, more: &str) -> String {
    format!(
        "GET {resource} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

impl Client {
    /// Connects to `/`.
    pub fn connect(server: &TestServer) -> Result<Self> {
        Self::connect_to(server, "/")
    }

    /// Connects to a path, with an optional query.
    pub fn connect_to(server: &TestServer, resource: &str) -> Result<Self> {
        Self::connect_at(server.address(), resource)
    }

    /// Connects to a path at an address, which threads can share.
    pub fn connect_at(server: SocketAddr, resource: &str) -> Result<Self> {
        let (client, response) = Self::open(server, &handshake(resource, ""))?;
        ensure!(response.status == 101, "refused: {response:?}");
        Ok(client)
    }

    /// Connects `count` clients to `/`.
    pub fn connect_many(server: &TestServer, count: usize) -> Result<Vec<Self>> {
        (0..count).map(|_| Self::connect(server)).collect()
    }

    /// Sends a request and reads the head of the response. Everything after it is frames.
    pub fn open(server: SocketAddr, request: &str) -> Result<(Self, Response)> {
        let mut stream = TcpStream::connect(server)?;
        stream.write_all(request.as_bytes())?;
        Self::after(stream)
    }

    /// Reads the head of the response to a request that was sent already.
    pub fn after(stream: TcpStream) -> Result<(Self, Response)> {
        let mut client = Self::over(stream)?;
        let response = Response::read_head(&mut client.stream)?;
        Ok((client, response))
    }

    /// Creates a client on a connection in any state.
    pub fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream })
    }

    /// Returns another handle of the same connection, to read in one thread and write in another.
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self { stream: self.stream.try_clone()? })
    }

    /// Shuts down TCP in both directions, without a close frame.
    pub fn hang_up(self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Both)?)
    }
}

impl<S: Read + Write> Client<S> {
    /// Creates a client on a stream whose handshake is complete, or still to come.
    pub fn on(stream: S) -> Self {
        Self { stream }
    }

    /// Sends the handshake for `/`, which must be accepted.
    pub fn greet(stream: S) -> Result<Self> {
        let (client, response) = Self::request(stream, &handshake("/", ""))?;
        ensure!(response.status == 101, "refused: {response:?}");
        Ok(client)
    }

    /// Sends a request and reads the head of the response. Everything after it is frames.
    pub fn request(mut stream: S, request: &str) -> Result<(Self, Response)> {
        stream.write_all(request.as_bytes())?;
        let response = Response::read_head(&mut stream)?;
        Ok((Self { stream }, response))
    }

    /// Returns the underlying stream.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Sends bytes unchanged.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends bytes given in hexadecimal, as the RFC writes them: `81 85 37 fa`.
    pub fn send_hex(&mut self, hex: &str) -> Result<()> {
        let bytes: Result<Vec<u8>, _> =
            hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16)).collect();
        self.send(&bytes.context("hexadecimal bytes")?)
    }

    /// Sends a masked frame whose first byte is `first`.
    pub fn send_frame(&mut self, first: u8, payload: &[u8]) -> Result<()> {
        self.send(&masked_frame(first, payload))
    }

    /// Sends a text message in one frame.
    pub fn send_text(&mut self, text: &str) -> Result<()> {
        self.send_frame(0x81, text.as_bytes())
    }

    /// Sends a close frame with this code.
    pub fn send_close(&mut self, code: u16, reason: &str) -> Result<()> {
        self.send_frame(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
    }

    /// Receives the next frame.
    pub fn receive(&mut self) -> Result<Frame> {
        let [first, second] = self.read_exactly()?;
        ensure!(second & 0x80 == 0, "a server must not mask its frames");
        let length = match second {
            126 => u64::from(u16::from_be_bytes(self.read_exactly()?)),
            127 => u64::from_be_bytes(self.read_exactly()?),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length)?];
        self.stream.read_exact(&mut payload).context("the payload of a frame")?;
        Ok(Frame { first, payload })
    }

    /// Receives the next frame that is not a ping, and answers the pings before it. A slow test may meet a heartbeat
    /// anywhere.
    fn receive_after_pings(&mut self) -> Result<Frame> {
        loop {
            let frame = self.receive()?;
            if frame.first != 0x89 {
                return Ok(frame);
            }
            self.send_frame(0x8a, &frame.payload)?;
        }
    }

    /// Receives the next frame, which must be a whole text message. Answers pings before it.
    pub fn receive_text(&mut self) -> Result<String> {
        let frame = self.receive_after_pings()?;
        ensure!(frame.first == 0x81, "expected text, got {frame:?}");
        Ok(String::from_utf8(frame.payload)?)
    }

    /// Sends a text and receives one.
    pub fn ask(&mut self, text: &str) -> Result<String> {
        self.send_text(text)?;
        self.receive_text()
    }

    /// Receives a close frame. Answers pings before it. Returns its code (1005 if it has none) and reason.
    pub fn receive_close(&mut self) -> Result<(u16, String)> {
        let frame = self.receive_after_pings()?;
        let Frame { first, payload } = &frame;
        // A long payload would hide everything else in the output of the tests.
        let beginning = String::from_utf8_lossy(&payload[..payload.len().min(100)]);
        ensure!(
            *first == 0x88,
            "expected a close frame, got {first:#04x} with {} bytes: {beginning:?}",
            payload.len()
        );
        match frame.payload.split_first_chunk() {
            None => Ok((1005, String::new())),
            Some((code, reason)) => {
                Ok((u16::from_be_bytes(*code), String::from_utf8(reason.to_vec())?))
            }
        }
    }

    /// The server must close the TCP connection without sending anything before.
    pub fn expect_end(&mut self) -> Result<()> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) if rest.is_empty() => Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
            Ok(_) => bail!("expected the end, got {rest:02x?}"),
            Err(error) => Err(error).context("the server did not close the connection"),
        }
    }

    /// Expects a close frame with this code, answers it, and expects the end of the connection. Returns the reason.
    pub fn expect_close(&mut self, code: u16) -> Result<String> {
        let (got, reason) = self.receive_close()?;
        ensure!(got == code, "closed with {got} ({reason}) instead of {code}");
        self.send_close(code, "")?;
        self.expect_end()?;
        Ok(reason)
    }

    /// Closes the connection with a proper closing handshake.
    pub fn close(mut self) -> Result<()> {
        self.send_close(1000, "")?;
        let (code, _) = self.receive_close()?;
        ensure!(code == 1000, "the server answered 1000 with {code}");
        self.expect_end()
    }

    fn read_exactly<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).context("the header of a frame")?;
        Ok(bytes)
    }
}

/// Encodes a masked frame.
pub fn masked_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
