//! What is asked of the servers: a list of values, each a sensible question and not every combination.

use std::net::SocketAddr;

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::certificate::Certificate;
use crate::channel::Channel;
use crate::compressed::Compressed;
use crate::load::{Broadcasts, Connects, Echoes, Endpoint, Load, Streams, Traffic};
use crate::message::{Kind, Pattern, Script};

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// What it is called on the command line and in the output.
    pub(crate) name: &'static str,
    /// Connections at a time.
    pub(crate) connections: usize,
    /// Octets of a message.
    pub(crate) octets: usize,
    /// What the messages are written in.
    pub(crate) script: Script,
    /// What goes on over the connections.
    pub(crate) shape: Shape,
    /// What they go over.
    pub(crate) channel: Channel,
    /// The name of the workload that differs from this one in its channel alone, which is plain there.
    pub(crate) plain: &'static str,
    /// Who has to be the slowest.
    pub(crate) demand: Demand,
}

/// What goes on over the connections of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Every message comes back, so many are under way on each connection.
    Echo {
        /// How many.
        in_flight: usize,
    },
    /// Every message goes to all connections.
    Broadcast,
    /// Connections come, have one echo, and go.
    Connect,
}

/// What must limit a run for its figure to say how fast the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// The server's core.
    FullCore,
    /// Nothing: with one message under way the two take turns, and what counts is how long that takes.
    Nothing,
}

/// What a server does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Every message goes back.
    Echo,
    /// A text goes back, a binary message goes to all.
    Megaphone,
}

impl Role {
    /// Its name on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Megaphone => "megaphone",
        }
    }
}

/// The two main ones: one that is all overhead, and one that begins to be copying.
pub(crate) const MAIN: [Workload; 2] = [echo("echo-20", 100, 20), echo("echo-1KiB", 100, 1024)];

/// One that is all copying.
const LONG: Workload = echo("echo-64KiB", 100, 64 * 1024);

/// What one connection of HTTP/2 may carry as well.
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

    /// The same with few connections, to see that it works.
    pub(crate) fn tiny(self) -> Self {
        /// As many as need no time to open.
        const FEW: usize = 100;
        Self { connections: self.connections.min(FEW), ..self }
    }

    /// What a server has to do for it.
    pub(crate) fn role(self) -> Role {
        match self.shape {
            Shape::Broadcast => Role::Megaphone,
            Shape::Echo { .. } | Shape::Connect => Role::Echo,
        }
    }

    /// Connections of TCP at a time.
    pub(crate) fn sockets(self) -> usize {
        match self.channel {
            Channel::Plain | Channel::Tls | Channel::Deflate => self.connections,
            Channel::Http2 => 1,
        }
    }

    /// What is counted.
    pub(crate) fn unit(self) -> &'static str {
        match self.shape {
            Shape::Echo { .. } => "messages",
            Shape::Broadcast => "deliveries",
            Shape::Connect => "connections",
        }
    }

    /// A sentence about it.
    pub(crate) fn description(self) -> String {
        let over = match self.channel {
            Channel::Plain => "",
            Channel::Tls => ", over TLS",
            Channel::Deflate => ", compressed",
            Channel::Http2 => ", as streams of one connection of HTTP/2",
        };
        self.exchange() + over
    }

    fn exchange(self) -> String {
        let (connections, mut octets) = (self.connections, size(self.octets));
        if self.script == Script::Cyrillic {
            octets += " of Cyrillic text";
        }
        match (self.shape, connections) {
            (Shape::Echo { .. }, 1) => format!("echo of {octets} over one connection, in turn"),
            (Shape::Echo { in_flight: 1 }, _) => {
                format!(
                    "echo of {octets}, {connections} connections with one message in flight each"
                )
            }
            (Shape::Echo { in_flight }, _) => format!(
                "echo of {octets}, {connections} connections with {in_flight} messages in flight each"
            ),
            (Shape::Broadcast, _) => {
                format!("one message of {octets} to {connections} subscribers, over and over")
            }
            (Shape::Connect, _) => format!(
                "TCP, handshake, an echo of {octets} and closing handshake, {connections} at a time"
            ),
        }
    }

    /// Opens its connections to a server, which has this certificate where it needs one.
    pub(crate) fn connect(
        self,
        server: SocketAddr,
        certificate: &Certificate,
    ) -> Result<Box<dyn Load>> {
        let Self { connections, octets, .. } = self;
        Ok(match self.shape {
            Shape::Echo { in_flight } => {
                let traffic = Traffic { connections, in_flight };
                let pattern = Pattern::written_in(self.script, Kind::Text, octets);
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
                            (Endpoint::plain(server), Compressed::new(octets)?);
                        Box::new(Echoes::connect(&endpoint, messages, traffic)?)
                    }
                    Channel::Http2 => Box::new(Streams::connect(server, connections, octets)?),
                }
            }
            Shape::Broadcast => Box::new(Broadcasts::connect(server, connections, octets)?),
            Shape::Connect => Box::new(Connects::connect(server, connections, octets)?),
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

const fn echo(name: &'static str, connections: usize, octets: usize) -> Workload {
    Workload {
        name,
        connections,
        octets,
        script: Script::Latin,
        shape: Shape::Echo { in_flight: 1 },
        channel: Channel::Plain,
        plain: name,
        demand: Demand::FullCore,
    }
}

/// The same over another channel.
const fn over(channel: Channel, name: &'static str, plain: Workload) -> Workload {
    Workload { name, channel, ..plain }
}

fn size(octets: usize) -> String {
    match octets {
        0..1024 => format!("{octets} octets"),
        1024..0x10_0000 => format!("{} KiB", octets / 1024),
        _ => format!("{} MiB", octets / 0x10_0000),
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
    fn workload_differs_from_its_plain_one_in_the_channel_alone() {
        for workload in Workload::ALL {
            let plain = Workload::ALL.iter().find(|other| other.name == workload.plain).unwrap();
            let Workload { name, channel, .. } = *plain;
            assert_eq!(Workload { name, channel, ..workload }, *plain);
            assert_eq!(channel, Channel::Plain);
            assert_eq!(workload.channel == Channel::Plain, workload.name == name);
        }
    }

    /// Runs a workload until many messages of it are there.
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
    fn sizes_are_written_as_people_say_them() {
        assert_eq!([size(20), size(1024), size(65_536)], ["20 octets", "1 KiB", "64 KiB"]);
        assert_eq!(size(1 << 20), "1 MiB");
    }
}
