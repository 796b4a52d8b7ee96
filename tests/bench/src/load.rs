//! The load generator: connections with one message in flight each, on one thread.
//!
//! Hand-written over epoll, so that it needs less CPU time than any server that it measures.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

/// Connections that send again as soon as their echo has come.
pub(crate) struct Load {
    connections: Vec<Connection>,
    epoll: rustix::fd::OwnedFd,
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    received: usize,
}

impl Load {
    /// Opens connections whose messages have so many octets.
    pub(crate) fn connect(server: SocketAddr, connections: usize, octets: usize) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let connections = (0..connections)
            .map(|index| {
                let mut stream = handshake(server)?;
                let (request, answer) = echo_frames(index, octets);
                stream.write_all(&request)?;
                stream.set_nonblocking(true)?;
                let data = epoll::EventData::new_u64(index as u64);
                epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
                Ok(Connection { stream, request, answer, received: 0 })
            })
            .collect::<Result<_>>()?;
        Ok(Self { connections, epoll })
    }

    /// Runs for so long; answers how many echoes came back.
    pub(crate) fn run(&mut self, time: Duration) -> Result<u64> {
        let end = Instant::now() + time;
        let wait = rustix::time::Timespec { tv_sec: 10, tv_nsec: 0 };
        let mut echoes = 0;
        let mut events = Vec::with_capacity(1024);
        while Instant::now() < end {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait))?;
            ensure!(!events.is_empty(), "the server has not answered for ten seconds");
            for event in &events {
                let index = event.data.u64() as usize;
                echoes += u64::from(self.connections[index].advance()?);
            }
        }
        Ok(echoes)
    }
}

impl Connection {
    /// Reads; when the echo is whole, checks it and sends again. Answers whether it was.
    fn advance(&mut self) -> Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let read = match self.stream.read(&mut buffer) {
            Ok(0) => anyhow::bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let expected = self.answer.get(self.received..self.received + read);
        ensure!(expected == Some(&buffer[..read]), "an echo is not what was sent");
        self.received += read;
        if self.received < self.answer.len() {
            return Ok(false);
        }
        self.received = 0;
        // One message is in flight: it always fits the socket's buffer.
        self.stream.write_all(&self.request)?;
        Ok(true)
    }
}

/// Connects and upgrades.
pub(crate) fn handshake(server: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )?;
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

/// A masked text frame, and the unmasked one that is its echo. Each connection has its own.
pub(crate) fn echo_frames(connection: usize, octets: usize) -> (Vec<u8>, Vec<u8>) {
    let text = format!("message of connection {connection:06} ").into_bytes();
    let payload: Vec<u8> = text.into_iter().cycle().take(octets).collect();
    let key = (connection as u32).wrapping_mul(0x9e37_79b9).to_be_bytes();
    let mut request = header(octets, 0x80);
    request.extend_from_slice(&key);
    request.extend(payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
    let mut answer = header(octets, 0);
    answer.extend_from_slice(&payload);
    (request, answer)
}

fn header(octets: usize, mask: u8) -> Vec<u8> {
    match octets {
        0..=125 => vec![0x81, mask | octets as u8],
        126..=0xffff => [&[0x81, mask | 126][..], &(octets as u16).to_be_bytes()].concat(),
        _ => [&[0x81, mask | 127][..], &(octets as u64).to_be_bytes()].concat(),
    }
}
