//! The least of a WebSocket client that an echo needs: the handshake and one text message, over and over.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// How long a server may take for one answer before the measurement fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Octets of the message in [`one_echo`].
const SHORT: usize = 20;

/// Connects to a path and upgrades.
pub(crate) fn handshake(server: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut octet = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet).context("no answer to the handshake")?;
        answer.push(octet[0]);
    }
    ensure!(
        answer.starts_with(b"HTTP/1.1 101 "),
        "no upgrade: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(stream)
}

/// Connects and has one message of 20 octets echoed; gives the connection, which is idle then.
pub(crate) fn one_echo(server: SocketAddr) -> Result<TcpStream> {
    let mut stream = handshake(server, "/")?;
    let mut message = Message::new(SHORT);
    stream.write_all(message.next_request(&mut Keys::new()))?;
    let mut received = vec![0; message.answer().len()];
    stream.read_exact(&mut received).context("no echo")?;
    ensure!(received == message.answer(), "an echo is not what was sent");
    Ok(stream)
}

/// Masking keys that a server cannot foresee: xorshift from a random seed. Not for secrets.
pub(crate) struct Keys(u64);

impl Keys {
    /// A new sequence.
    pub(crate) fn new() -> Self {
        // Zero is the one state that xorshift never leaves.
        Self(RandomState::new().hash_one(0) | 1)
    }

    fn next_key(&mut self) -> [u8; 4] {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [.., a, b, c, d] = self.0.to_le_bytes();
        [a, b, c, d]
    }
}

/// A text message as it goes to the server and as it must come back.
///
/// It begins with its masking key in hexadecimal, so that no two are alike and an old echo is not
/// taken for a new one.
pub(crate) struct Message {
    request: Vec<u8>,
    answer: Vec<u8>,
    /// Where the payload begins in `answer`; in `request` the masking key lies before it.
    header: usize,
}

impl Message {
    /// A message of so many octets.
    pub(crate) fn new(octets: usize) -> Self {
        let mut answer = header(octets, 0);
        let header_length = answer.len();
        answer.extend(b"abcdefghijklmnopqrstuvwxyz ".iter().cycle().take(octets));
        let mut request = header(octets, 0x80);
        request.resize(answer.len() + 4, 0);
        Self { request, answer, header: header_length }
    }

    /// The next masked frame; [`Message::answer`] is its echo.
    pub(crate) fn next_request(&mut self, keys: &mut Keys) -> &[u8] {
        let key = keys.next_key();
        let payload = &mut self.answer[self.header..];
        let digits = key.iter().flat_map(|octet| [octet >> 4, octet & 15]);
        for (octet, digit) in payload.iter_mut().zip(digits) {
            *octet = b"0123456789abcdef"[usize::from(digit)];
        }
        let (key_field, masked) = self.request[self.header..].split_at_mut(4);
        key_field.copy_from_slice(&key);
        mask(payload, key, masked);
        &self.request
    }

    /// The unmasked frame that must come back.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.answer
    }
}

/// Writes the masked payload, eight octets at a time: the generator's own work has to stay small.
fn mask(payload: &[u8], key: [u8; 4], masked: &mut [u8]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks();
    let (masked_chunks, masked_rest) = masked.as_chunks_mut();
    for (masked, chunk) in masked_chunks.iter_mut().zip(chunks) {
        *masked = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for ((masked, octet), key) in masked_rest.iter_mut().zip(rest).zip(key.iter().cycle()) {
        *masked = octet ^ key;
    }
}

/// The header of a whole text message up to its masking key (RFC 6455 §5.2).
fn header(octets: usize, mask: u8) -> Vec<u8> {
    match octets {
        0..=125 => vec![0x81, mask | octets as u8],
        126..=0xffff => [&[0x81, mask | 126][..], &(octets as u16).to_be_bytes()].concat(),
        _ => [&[0x81, mask | 127][..], &(octets as u64).to_be_bytes()].concat(),
    }
}
