//! The load generator: connections with one message in flight each, on one thread.
//!
//! Hand-written over epoll, so that it needs less CPU time than any server that it measures. It has a
//! core to itself and never sleeps: to wake it would be work of the server, and the more of it the slower
//! the server is.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use crate::client::{Keys, Message, PATIENCE, handshake};

/// Octets of the buffer for one read: more than any echo that is measured.
const READ_BUFFER: usize = 16 * 1024;

/// Only a look at what has come, no sleep.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Connections that send again as soon as their echo has come.
pub(crate) struct Load {
    connections: Vec<Connection>,
    epoll: OwnedFd,
    keys: Keys,
    /// Of the last run, in microseconds.
    latencies: Vec<u32>,
}

/// What came back in one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Whole echoes, each the same octets that were sent.
    pub(crate) echoes: u64,
    /// How often the generator looked and found some.
    pub(crate) looks: u64,
}

struct Connection {
    stream: TcpStream,
    message: Message,
    sent: Instant,
    received: usize,
}

impl Load {
    /// Opens connections whose messages have so many octets, and sends the first message on each.
    pub(crate) fn connect(server: SocketAddr, connections: usize, octets: usize) -> Result<Self> {
        Self::connect_to(server, "/", connections, octets)
    }

    /// The same at a path.
    pub(crate) fn connect_to(
        server: SocketAddr,
        path: &str,
        connections: usize,
        octets: usize,
    ) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut keys = Keys::new();
        let connections = (0..connections)
            .map(|index| {
                let mut stream = handshake(server, path)?;
                let mut message = Message::new(octets);
                stream.write_all(message.next_request(&mut keys))?;
                stream.set_nonblocking(true)?;
                let data = epoll::EventData::new_u64(index as u64);
                epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
                Ok(Connection { stream, message, sent: Instant::now(), received: 0 })
            })
            .collect::<Result<_>>()?;
        Ok(Self { connections, epoll, keys, latencies: Vec::new() })
    }

    /// Runs for so long. What is in flight at the end is counted by the next run.
    pub(crate) fn run(&mut self, time: Duration) -> Result<Counted> {
        let began = Instant::now();
        let (mut now, mut heard) = (began, began);
        let mut counted = Counted::default();
        let mut events = Vec::with_capacity(self.connections.len());
        let mut buffer = [0; READ_BUFFER];
        self.latencies.clear();
        while now - began < time {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&LOOK))?;
            now = Instant::now();
            if events.is_empty() {
                ensure!(now - heard < PATIENCE, "no echo for {} s", PATIENCE.as_secs());
                continue;
            }
            heard = now;
            counted.looks += 1;
            for event in &events {
                let connection = &mut self.connections[event.data.u64() as usize];
                if let Some(latency) = connection.advance(&mut buffer, &mut self.keys, now)? {
                    counted.echoes += 1;
                    self.latencies.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
                }
            }
        }
        Ok(counted)
    }

    /// How long so many per cent of the echoes of the last run took at most, in microseconds.
    pub(crate) fn percentile(&mut self, per_cent: usize) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        if self.latencies.is_empty() {
            return 0;
        }
        *self.latencies.select_nth_unstable(last * per_cent / 100).1
    }
}

impl Connection {
    /// Reads; when the echo is whole, sends again and tells how long it took.
    fn advance(
        &mut self,
        buffer: &mut [u8],
        keys: &mut Keys,
        now: Instant,
    ) -> Result<Option<Duration>> {
        let read = match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let expected = self.message.answer().get(self.received..self.received + read);
        ensure!(expected == Some(&buffer[..read]), "an echo is not what was sent");
        self.received += read;
        if self.received < self.message.answer().len() {
            return Ok(None);
        }
        self.received = 0;
        let latency = now - self.sent;
        self.sent = now;
        // One message is in flight: it always fits the socket's buffer.
        self.stream.write_all(self.message.next_request(keys))?;
        Ok(Some(latency))
    }
}
