//! Polls connections over and over, without ever sleeping.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use super::Counted;
use crate::client::TIMEOUT;

/// The timeout of a poll that returns at once.
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Bytes from the server.
    Read,
    /// Bytes from the server, or room in the socket's buffer.
    ReadAndWrite,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Self::Read => EventFlags::IN,
            Self::ReadAndWrite => EventFlags::IN | EventFlags::OUT,
        }
    }
}

/// A connection that is ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    /// Its number.
    pub(super) index: usize,
    /// Whether the socket's buffer has room again. There may be nothing to read then.
    pub(super) has_room: bool,
    /// The time of the poll.
    pub(super) now: Instant,
    /// What the previous poll found.
    pub(super) previous: Previous,
}

/// What the poll before one that found something had found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Previous {
    /// Nothing: the generator waited for the server.
    Idle,
    /// Something: what arrived since then waited for the generator.
    Busy,
}

/// The connections of a generator, by number.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    connections: usize,
}

impl Poller {
    /// Creates a poller for `connections` connections.
    pub(super) fn new(connections: usize) -> Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, connections })
    }

    /// Watches a connection until it is closed.
    pub(super) fn add(&self, index: usize, stream: &TcpStream) -> Result<()> {
        let data = EventData::new_u64(index as u64);
        Ok(epoll::add(&self.epoll, stream, data, Interest::Read.flags())?)
    }

    /// Changes what a connection waits for.
    pub(super) fn change(
        &self,
        index: usize,
        stream: &TcpStream,
        interest: Interest,
    ) -> Result<()> {
        let data = EventData::new_u64(index as u64);
        Ok(epoll::modify(&self.epoll, stream, data, interest.flags())?)
    }

    /// Polls for `time`, and until at least one message has arrived.
    ///
    /// `advance` handles each ready connection and returns how many messages it completed.
    pub(super) fn run(
        &self,
        time: Duration,
        mut advance: impl FnMut(Ready) -> Result<u64>,
    ) -> Result<Counted> {
        let began = Instant::now();
        let (mut polled, mut last_event) = (began, began);
        let mut counted = Counted { connections: self.connections, ..Counted::default() };
        let mut previous = Previous::Idle;
        let mut events = Vec::with_capacity(self.connections);
        while polled - began < time || counted.messages == 0 {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&NO_WAIT))?;
            let now = Instant::now();
            if events.is_empty() {
                counted.idle += now - polled;
                polled = now;
                previous = Previous::Idle;
                ensure!(now - last_event < TIMEOUT, "no answer for {} s", TIMEOUT.as_secs());
                continue;
            }
            counted.polls += 1;
            counted.ready += events.len() as u64;
            for event in &events {
                let index = event.data.u64() as usize;
                let flags = event.flags;
                let has_room = flags.contains(EventFlags::OUT);
                counted.messages += advance(Ready { index, has_room, now, previous })?;
            }
            polled = Instant::now();
            last_event = polled;
            previous = Previous::Busy;
        }
        counted.time = polled - began;
        Ok(counted)
    }
}
