//! Looks at connections again and again, without ever sleeping.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use super::Counted;
use crate::client::PATIENCE;

/// Only a look at what has come, no sleep.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Octets from the server.
    Read,
    /// These, or room in the socket's buffer.
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
    /// When that was found.
    pub(super) now: Instant,
    /// Whether the look before this one found anything.
    pub(super) follows: Follows,
}

/// What was before a look that found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// Nothing was to do: the generator waited for the server.
    Idleness,
    /// Something was to do: what came meanwhile waited for the generator.
    Work,
}

/// The connections of a generator, by number.
#[derive(Debug)]
pub(super) struct Watch {
    epoll: OwnedFd,
    connections: usize,
}

impl Watch {
    /// For so many connections.
    pub(super) fn new(connections: usize) -> Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, connections })
    }

    /// Watches a connection until it is closed.
    pub(super) fn add(&self, index: usize, stream: &TcpStream) -> Result<()> {
        let data = EventData::new_u64(index as u64);
        Ok(epoll::add(&self.epoll, stream, data, Interest::Read.flags())?)
    }

    /// From now on the connection waits for this.
    pub(super) fn change(
        &self,
        index: usize,
        stream: &TcpStream,
        interest: Interest,
    ) -> Result<()> {
        let data = EventData::new_u64(index as u64);
        Ok(epoll::modify(&self.epoll, stream, data, interest.flags())?)
    }

    /// Looks for so long, and until one message at least is there, and lets `advance` act on each
    /// connection that is ready; it tells how many messages came whole.
    pub(super) fn run(
        &self,
        time: Duration,
        mut advance: impl FnMut(Ready) -> Result<u64>,
    ) -> Result<Counted> {
        let began = Instant::now();
        let (mut looked, mut heard) = (began, began);
        let mut counted = Counted { connections: self.connections, ..Counted::default() };
        let mut follows = Follows::Idleness;
        let mut events = Vec::with_capacity(self.connections);
        while looked - began < time || counted.messages == 0 {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&LOOK))?;
            let now = Instant::now();
            if events.is_empty() {
                counted.idle += now - looked;
                looked = now;
                follows = Follows::Idleness;
                ensure!(now - heard < PATIENCE, "no answer for {} s", PATIENCE.as_secs());
                continue;
            }
            counted.looks += 1;
            counted.ready += events.len() as u64;
            for event in &events {
                let index = event.data.u64() as usize;
                let flags = event.flags;
                let has_room = flags.contains(EventFlags::OUT);
                counted.messages += advance(Ready { index, has_room, now, follows })?;
            }
            looked = Instant::now();
            heard = looked;
            follows = Follows::Work;
        }
        counted.time = looked - began;
        Ok(counted)
    }
}
