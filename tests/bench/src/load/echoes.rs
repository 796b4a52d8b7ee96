//! Echoes: each connection keeps a number of messages in flight and sends a new one for each echo.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::endpoint::Endpoint;
use super::exchange::{Echo, Messages, Pending, Shared};
use super::poller::Poller;
use super::transport::{Buffers, Transport};
use super::{Counted, Load};
use crate::client::{agrees, request_with};
use crate::message::{Kind, Pattern};

/// The number of connections and of messages in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Connections.
    pub(crate) connections: usize,
    /// Messages in flight on each connection.
    pub(crate) in_flight: usize,
}

/// Connections that send again as soon as an echo has come back.
pub(crate) struct Echoes<M: Messages> {
    connections: Vec<Connection<M::Partial>>,
    /// Messages in flight, grouped by connection. A new message takes the slot of the one that came
    /// back.
    pending: Vec<Pending>,
    poller: Poller,
    buffers: Buffers,
    shared: Shared<M>,
}

struct Connection<B> {
    transport: Transport,
    echo: Echo<B>,
}

impl Echoes<Pattern> {
    /// Opens connections over TCP, with messages of `bytes` bytes.
    pub(crate) fn plain(server: SocketAddr, bytes: usize, traffic: Traffic) -> Result<Self> {
        Self::connect(&Endpoint::plain(server), Pattern::new(Kind::Text, bytes), traffic)
    }
}

impl<M: Messages> Echoes<M> {
    /// Opens the connections and sends the first messages on each.
    pub(crate) fn connect(endpoint: &Endpoint, messages: M, traffic: Traffic) -> Result<Self> {
        let Traffic { connections, in_flight } = traffic;
        let mut load = Self {
            connections: Vec::with_capacity(connections),
            pending: Vec::with_capacity(connections * in_flight),
            poller: Poller::new(connections)?,
            buffers: Buffers::new(),
            shared: Shared::new(messages),
        };
        let request = request_with(&endpoint.path, M::EXTENSION);
        for index in 0..connections {
            let (mut transport, head) =
                Transport::upgrade(endpoint, &request, index, &load.poller)?;
            agrees(&head, M::EXTENSION)?;
            load.shared.requests.clear();
            for _ in 0..in_flight {
                load.pending.push(load.shared.send(Instant::now()));
            }
            transport.send(&load.shared.requests, &mut load.buffers, &load.poller)?;
            load.connections.push(Connection { transport, echo: Echo::default() });
        }
        Ok(load)
    }
}

impl<M: Messages> Load for Echoes<M> {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { connections, pending, poller, buffers, shared } = self;
        let in_flight = pending.len() / connections.len().max(1);
        shared.begin();
        poller.run(time, |ready| {
            let Connection { transport, echo } = &mut connections[ready.index];
            if ready.has_room {
                transport.flush(poller)?;
            }
            let pending = &mut pending[ready.index * in_flight..][..in_flight];
            let echoes = echo.receive(transport.receive(buffers)?, pending, shared, ready.now)?;
            if !shared.requests.is_empty() {
                transport.send(&shared.requests, buffers, poller)?;
            }
            Ok(echoes)
        })
    }

    fn percentile(&mut self, per_cent: usize) -> Option<Duration> {
        self.shared.percentile(per_cent)
    }

    fn echo_bytes(&self) -> Option<usize> {
        self.shared.echo_bytes()
    }
}
