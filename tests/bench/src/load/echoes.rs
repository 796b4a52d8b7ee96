//! Messages that come back: on each connection so many in flight, and a new one for each echo.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::endpoint::Endpoint;
use super::exchange::{Echo, Flying, Messages, Work};
use super::line::{Buffers, Line};
use super::watch::Watch;
use super::{Counted, Load};
use crate::client::{agrees, request_with};
use crate::message::{Kind, Pattern};

/// What goes over the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Connections.
    pub(crate) connections: usize,
    /// Messages that are under way on each connection.
    pub(crate) in_flight: usize,
}

/// Connections that send again as soon as an echo has come.
pub(crate) struct Echoes<M: Messages> {
    connections: Vec<Connection<M::Begun>>,
    /// Messages in flight, those of each connection side by side: one that has come back is followed by
    /// a new one in its place.
    flying: Vec<Flying>,
    watch: Watch,
    buffers: Buffers,
    work: Work<M>,
}

struct Connection<B> {
    line: Line,
    echo: Echo<B>,
}

impl Echoes<Pattern> {
    /// Messages of so many octets over TCP.
    pub(crate) fn plain(server: SocketAddr, octets: usize, traffic: Traffic) -> Result<Self> {
        Self::connect(&Endpoint::plain(server), Pattern::new(Kind::Text, octets), traffic)
    }
}

impl<M: Messages> Echoes<M> {
    /// Opens the connections, and sends the first messages on each.
    pub(crate) fn connect(endpoint: &Endpoint, messages: M, traffic: Traffic) -> Result<Self> {
        let Traffic { connections, in_flight } = traffic;
        let mut load = Self {
            connections: Vec::with_capacity(connections),
            flying: Vec::with_capacity(connections * in_flight),
            watch: Watch::new(connections)?,
            buffers: Buffers::new(),
            work: Work::new(messages),
        };
        let request = request_with("/", M::EXTENSION);
        for index in 0..connections {
            let (mut line, head) = Line::upgrade(endpoint, &request, index, &load.watch)?;
            agrees(&head, M::EXTENSION)?;
            load.work.requests.clear();
            for _ in 0..in_flight {
                load.flying.push(load.work.send(Instant::now()));
            }
            line.send(&load.work.requests, &mut load.buffers, &load.watch)?;
            load.connections.push(Connection { line, echo: Echo::default() });
        }
        Ok(load)
    }
}

impl<M: Messages> Load for Echoes<M> {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { connections, flying, watch, buffers, work } = self;
        let in_flight = flying.len() / connections.len().max(1);
        work.begin();
        watch.run(time, |ready| {
            let Connection { line, echo } = &mut connections[ready.index];
            if ready.has_room {
                line.flush(watch)?;
            }
            let flying = &mut flying[ready.index * in_flight..][..in_flight];
            let echoes = echo.receive(line.receive(buffers)?, flying, work, ready.now)?;
            if !work.requests.is_empty() {
                line.send(&work.requests, buffers, watch)?;
            }
            Ok(echoes)
        })
    }

    fn percentile(&mut self, per_cent: usize) -> Option<Duration> {
        self.work.percentile(per_cent)
    }

    fn echo_octets(&self) -> Option<usize> {
        self.work.echo_octets()
    }
}
