//! Messages that come back: on each connection so many in flight, and a new one for each echo.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::outgoing::Outgoing;
use super::watch::{Interest, Watch};
use super::{Counted, Load};
use crate::client::handshake;
use crate::message::{Key, Keys, Kind, Pattern};

/// Octets of the buffer for one read: a message of 1 MiB in a few, without falling out of the caches.
const READ_BUFFER: usize = 256 * 1024;

/// What goes over the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Connections.
    pub(crate) connections: usize,
    /// Octets of a message.
    pub(crate) octets: usize,
    /// Messages that are under way on each connection.
    pub(crate) in_flight: usize,
}

/// Connections that send again as soon as an echo has come.
pub(crate) struct Echoes {
    connections: Vec<Connection>,
    /// Messages in flight, those of each connection side by side: one that has come back is followed by
    /// a new one in its place.
    flying: Vec<Flying>,
    watch: Watch,
    work: Work,
}

struct Connection {
    stream: TcpStream,
    outgoing: Outgoing,
    interest: Interest,
    /// Which of its messages comes back next.
    next: usize,
    /// Octets of it that are here already.
    received: usize,
}

#[derive(Clone, Copy)]
struct Flying {
    key: Key,
    sent: Instant,
}

/// What all connections share.
struct Work {
    pattern: Pattern,
    keys: Keys,
    buffer: Vec<u8>,
    requests: Vec<u8>,
    /// Of the last run, in microseconds.
    latencies: Vec<u32>,
}

impl Echoes {
    /// Opens the connections, and sends the first messages on each.
    pub(crate) fn connect(server: SocketAddr, traffic: Traffic) -> Result<Self> {
        let Traffic { connections, octets, in_flight } = traffic;
        let mut load = Self {
            connections: Vec::with_capacity(connections),
            flying: Vec::with_capacity(connections * in_flight),
            watch: Watch::new(connections)?,
            work: Work {
                pattern: Pattern::new(Kind::Text, octets),
                keys: Keys::new(),
                buffer: vec![0; READ_BUFFER],
                requests: Vec::new(),
                latencies: Vec::new(),
            },
        };
        for index in 0..connections {
            let mut connection = Connection::open(server)?;
            load.watch.add(index, &connection.stream)?;
            load.work.requests.clear();
            for _ in 0..in_flight {
                load.flying.push(load.work.send(Instant::now()));
            }
            connection.write(&load.work.requests, index, &load.watch)?;
            load.connections.push(connection);
        }
        Ok(load)
    }
}

impl Load for Echoes {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { connections, flying, watch, work } = self;
        let in_flight = flying.len() / connections.len().max(1);
        work.latencies.clear();
        watch.run(time, |ready| {
            let connection = &mut connections[ready.index];
            if ready.has_room {
                connection.flush(ready.index, watch)?;
            }
            let flying = &mut flying[ready.index * in_flight..][..in_flight];
            let echoes = connection.receive(flying, work, ready.now)?;
            if !work.requests.is_empty() {
                connection.write(&work.requests, ready.index, watch)?;
            }
            Ok(echoes)
        })
    }

    fn percentile(&mut self, per_cent: usize) -> Option<Duration> {
        let latencies = &mut self.work.latencies;
        let last = latencies.len().checked_sub(1)?;
        let (_, latency, _) = latencies.select_nth_unstable(last * per_cent / 100);
        Some(Duration::from_micros(u64::from(*latency)))
    }
}

impl Work {
    /// A new message, which waits in `requests` to be written.
    fn send(&mut self, now: Instant) -> Flying {
        Flying { key: self.pattern.write_request(&mut self.keys, &mut self.requests), sent: now }
    }
}

impl Connection {
    fn open(server: SocketAddr) -> Result<Self> {
        let stream = handshake(server, "/")?;
        stream.set_nonblocking(true)?;
        let (outgoing, interest) = (Outgoing::default(), Interest::Read);
        Ok(Self { stream, outgoing, interest, next: 0, received: 0 })
    }

    /// Reads once; tells how many echoes are whole now, each of which a new message follows.
    fn receive(&mut self, flying: &mut [Flying], work: &mut Work, now: Instant) -> Result<u64> {
        work.requests.clear();
        let read = match self.stream.read(&mut work.buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let (mut place, mut echoes) = (0, 0);
        while place < read {
            let Flying { key, sent } = flying[self.next];
            let missing = work.pattern.answer_length() - self.received;
            let octets = &work.buffer[place..read.min(place + missing)];
            let is_right = work.pattern.matches(key, self.received, octets);
            ensure!(is_right, "an echo is not what was sent");
            place += octets.len();
            if octets.len() < missing {
                self.received += octets.len();
                break;
            }
            echoes += 1;
            work.latencies.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
            flying[self.next] = work.send(now);
            self.received = 0;
            self.next = (self.next + 1) % flying.len();
        }
        Ok(echoes)
    }

    /// Writes, all in one go; what does not fit waits for room.
    fn write(&mut self, requests: &[u8], index: usize, watch: &Watch) -> Result<()> {
        self.outgoing.send(requests, &mut self.stream)?;
        self.watch_for_room(index, watch)
    }

    /// Writes what waited for room.
    fn flush(&mut self, index: usize, watch: &Watch) -> Result<()> {
        self.outgoing.flush(&mut self.stream)?;
        self.watch_for_room(index, watch)
    }

    fn watch_for_room(&mut self, index: usize, watch: &Watch) -> Result<()> {
        let interest =
            if self.outgoing.is_empty() { Interest::Read } else { Interest::ReadAndWrite };
        if interest != self.interest {
            watch.change(index, &self.stream, interest)?;
            self.interest = interest;
        }
        Ok(())
    }
}
