//! The workloads: a list of useful ones, not every combination.

use std::net::SocketAddr;

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::certificate::Certificate;
use crate::channel::Channel;
use crate::compressed::Compressed;
use crate::load::{Broadcasts, Connects, Echoes, Endpoint, Load, Streams, Traffic};
use crate::message::{Kind, Pattern, Script};

/// One workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// Its name on the command line and in the output.
    pub(crate) name: &'static str,
    /// Connections open at a time.
    pub(crate) connections: usize,
    /// Size of a message in bytes.
    pub(crate) bytes: usize,
    /// The script of the messages.
    pub(crate) script: Script,
    /// What happens on the connections.
    pub(crate) shape: Shape,
    /// What the connections run over.
    pub(crate) channel: Channel,
    /// The name of the plain workload, which differs from this one only in its channel.
    pub(crate) plain: &'static str,
    /// What must limit a run.
    pub(crate) demand: Demand,
}

/// What happens on the connections of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Every message comes back.
    Echo {
        /// Messages in flight on each connection.
        in_flight: usize,
    },
    /// Every message goes to all connections.
    Broadcast,
    /// Each connection has one echo and is closed.
    Connect,
}

/// What must limit a run for its result to be the speed of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// The server's core.
    FullCore,
    /// Nothing. With one message in flight, client and server alternate, and the result is the time
    /// of a round trip.
    Nothing,
}

/// What a server does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Sends every message back.
    Echo,
    /// Sends a text message back, and a binary message to all.
    Megaphone,
}

impl Role {
    /// Returns its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Megaphone => "megaphone",
        }
    }
}

/// The two main workloads: in one of them all work is overhead, in the other copying begins to
/// matter.
pub(crate) const MAIN: [Workload; 2] = [echo("echo-20", 100, 20), echo("echo-1KiB", 100, 1024)];

/// A workload that is mostly copying.
const LONG: Workload = echo("echo-64KiB", 100, 64 * 1024);

/// A workload that also runs as streams of one HTTP/2 connection.
const MANY: Workload = echo("connections-1000", 1000, 20);

impl Workload {
    /// Every workload, the main ones first.
    pub(crate) const ALL: [Self; 18] = [
        MAIN[0],
        MAIN[1],
        LONG,
        Self { script: Script::Cyrillic, ..echo("cyrillic-64KiB", 100, 64 * 1024) },
        echo("echo-1MiB", 10, 1024 * 1024),
        Self { shape: Shape::Echo { in_flight: 16 }, ..echo("pipelined-16", 100, 20) },
        Self { demand: Demand::Nothing, ..echo("round-trip", 1, 20) },
        MANY,
        echo("connections-10000", 10_000, 20),
        Self { shape: Shape::Connect, ..echo("connect-echo-close", 64, 20) },
        Self { shape: Shape::Broadcast, ..echo("broadcast-1000", 1000, 20) },
        Self { shape: Shape::Broadcast, ..echo("broadcast-10000", 10_000, 20) },
        over(Channel::Tls, "tls-20", MAIN[0]),
        over(Channel::Tls, "tls-1KiB", MAIN[1]),
        over(Channel::Tls, "tls-64KiB", LONG),
        over(Channel::Deflate, "deflate-1KiB", MAIN[1]),
        over(Channel::Deflate, "deflate-64KiB", LONG),
        over(Channel::Http2, "http2-1000", MANY),
    ];

    /// Returns the same workload with few connections, for a smoke test.
    pub(crate) fn tiny(self) -> Self {
        /// So few that opening them takes no time.
        const FEW: usize = 100;
        Self { connections: self.connections.min(FEW), ..self }
    }

    /// Returns what a server has to do.
    pub(crate) fn role(self) -> Role {
        match self.shape {
            Shape::Broadcast => Role::Megaphone,
            Shape::Echo { .. } | Shape::Connect => Role::Echo,
        }
    }

    /// Returns the number of TCP connections open at a time.
    pub(crate) fn sockets(self) -> usize {
        match self.channel {
            Channel::Plain | Channel::Tls | Channel::Deflate => self.connections,
            Channel::Http2 => 1,
        }
    }

    /// Returns what is counted.
    pub(crate) fn unit(self) -> &'static str {
        match self.shape {
            Shape::Echo { .. } => "messages",
            Shape::Broadcast => "deliveries",
            Shape::Connect => "connections",
        }
    }

    /// Describes the workload in a phrase.
    pub(crate) fn description(self) -> String {
        let over = match self.channel {
            Channel::Plain => "",
            Channel::Tls => ", over TLS",
            Channel::Deflate => ", compressed",
            Channel::Http2 => ", as streams of one HTTP/2 connection",
        };
        self.exchange() + over
    }

    fn exchange(self) -> String {
        let (connections, mut bytes) = (self.connections, size(self.bytes));
        if self.script == Script::Cyrillic {
            bytes += " of Cyrillic text";
        }
        match (self.shape, connections) {
            (Shape::Echo { .. }, 1) => {
                format!("echo of {bytes} over one connection, one message at a time")
            }
            (Shape::Echo { in_flight: 1 }, _) => {
                format!(
                    "echo of {bytes}, {connections} connections with one message in flight each"
                )
            }
            (Shape::Echo { in_flight }, _) => format!(
                "echo of {bytes}, {connections} connections with {in_flight} messages in flight each"
            ),
            (Shape::Broadcast, _) => {
                format!("messages of {bytes} to {connections} subscribers, one at a time")
            }
            (Shape::Connect, _) => format!(
                "TCP connect, handshake, echo of {bytes}, closing handshake; {connections} connections at a time"
            ),
        }
    }

    /// Opens the connections to a server. `certificate` is the server's, if it needs one.
    pub(crate) fn connect(
        self,
        server: SocketAddr,
        certificate: &Certificate,
    ) -> Result<Box<dyn Load>> {
        let Self { connections, bytes, .. } = self;
        Ok(match self.shape {
            Shape::Echo { in_flight } => {
                let traffic = Traffic { connections, in_flight };
                let pattern = Pattern::written_in(self.script, Kind::Text, bytes);
                match self.channel {
                    Channel::Plain => {
                        Box::new(Echoes::connect(&Endpoint::plain(server), pattern, traffic)?)
                    }
                    Channel::Tls => {
                        let endpoint = Endpoint::tls(server, certificate.client()?);
                        Box::new(Echoes::connect(&endpoint, pattern, traffic)?)
                    }
                    Channel::Deflate => {
                        let (endpoint, messages) =
                            (Endpoint::plain(server), Compressed::new(bytes)?);
                        Box::new(Echoes::connect(&endpoint, messages, traffic)?)
                    }
                    Channel::Http2 => Box::new(Streams::connect(server, connections, bytes)?),
                }
            }
            Shape::Broadcast => Box::new(Broadcasts::connect(server, connections, bytes)?),
            Shape::Connect => Box::new(Connects::connect(server, connections, bytes)?),
        })
    }
}

impl ValueEnum for Workload {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name))
    }
}

const fn echo(name: &'static str, connections: usize, bytes: usize) -> Workload {
    Workload {
        name,
        connections,
        bytes,
        script: Script::Latin,
        shape: Shape::Echo { in_flight: 1 },
        channel: Channel::Plain,
        plain: name,
        demand: Demand::FullCore,
    }
}

/// Returns the same workload over another channel.
const fn over(channel: Channel, name: &'static str, plain: Workload) -> Workload {
    Workload { name, channel, ..plain }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 0x10_0000),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::certificate::tests::files;
    use crate::peers::Peer;
    use crate::peers::tests::serve_echo;

    #[test]
    fn every_workload_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Workload::ALL.iter().map(|workload| workload.name).collect();
        assert_eq!(names.len(), Workload::ALL.len());
    }

    #[test]
    fn workload_differs_from_its_plain_one_only_in_the_channel() {
        for workload in Workload::ALL {
            let plain = Workload::ALL.iter().find(|other| other.name == workload.plain).unwrap();
            let Workload { name, channel, .. } = *plain;
            assert_eq!(Workload { name, channel, ..workload }, *plain);
            assert_eq!(channel, Channel::Plain);
            assert_eq!(workload.channel == Channel::Plain, workload.name == name);
        }
    }

    /// Runs a workload until 1,000 messages have come back.
    fn runs(name: &str, server: SocketAddr, certificate: &Certificate) {
        let workload = Workload::ALL.iter().find(|workload| workload.name == name).unwrap();
        let mut load = workload.tiny().connect(server, certificate).unwrap();
        let mut echoes = 0;
        while echoes < 1000 {
            echoes += load.run(Duration::ZERO).unwrap().messages;
        }
    }

    #[test]
    fn echo_passes_tls() {
        let certificate = Certificate::make().unwrap();
        for peer in [Peer::Fastwebsockets, Peer::TokioTungsteniteSmall] {
            let server = serve_echo(peer, Channel::Tls, Some(files(&certificate)));
            for name in ["tls-20", "tls-1KiB", "tls-64KiB"] {
                runs(name, server, &certificate);
            }
        }
    }

    #[test]
    fn echo_passes_streams_of_http2() {
        let certificate = Certificate::make().unwrap();
        let server = serve_echo(Peer::Fastwebsockets, Channel::Http2, None);
        runs("http2-1000", server, &certificate);
    }

    #[test]
    fn sizes_are_written_with_units() {
        assert_eq!([size(20), size(1024), size(65_536)], ["20 bytes", "1 KiB", "64 KiB"]);
        assert_eq!(size(1 << 20), "1 MiB");
    }
}
