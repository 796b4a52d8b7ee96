//! Echoes of clients that are relayed to the owner of their path, beside those of clients that are connected to it.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::fleet::{Fleet, Member};
use super::topics::by_round;
use super::usage::Usage;
use crate::client::handshake;
use crate::cores::{Cores, Pinned};
use crate::load::{Echoes, Endpoint, Load, Traffic};
use crate::message::{Kind, Pattern};
use crate::statistics::Samples;

/// The path of all clients.
const PATH: &str = "/room/1";

/// Sizes of the messages in bytes, and connections with one message in flight each.
const WORKLOADS: [(&str, usize, usize); 3] =
    [("echo-20", 20, 100), ("echo-1KiB", 1 << 10, 100), ("round-trip", 20, 1)];

/// CPU microseconds per message, and latencies in microseconds, by round.
#[derive(Default)]
struct Figures {
    edge: Vec<f64>,
    broker: Vec<f64>,
    owner: Vec<f64>,
    all: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

struct Hosts {
    fleet: Fleet,
    edge: Member,
    owner: Member,
    cores: Cores,
}

/// Lets both ways take turns, and prints the figures.
pub(crate) fn measure(
    cores: Cores,
    counted: Duration,
    rounds: usize,
    lease: Duration,
) -> Result<()> {
    let fleet = Fleet::start_on(cores.server, lease)?;
    let member = || fleet.member("echo", &[]);
    let hosts = Hosts { owner: member()?, edge: member()?, fleet, cores };
    // The path is on the host where its first client arrives, and stays there.
    let _first = handshake(hosts.owner.server.address(), PATH)?;
    ensure!(hosts.owner.owned()? == 1, "the first client is not on the owner");
    for (name, bytes, connections) in WORKLOADS {
        let traffic = Traffic { connections, in_flight: 1 };
        let [mut direct, mut relayed] = [Figures::default(), Figures::default()];
        for round in 1..=rounds {
            let run = |host: &Member, figures: &mut Figures, way: &str| {
                let run = hosts.run(host, bytes, traffic, counted, figures);
                run.with_context(|| format!("{way} {name} round {round}"))
            };
            run(&hosts.owner, &mut direct, "direct")?;
            run(&hosts.edge, &mut relayed, "relayed")?;
        }
        for (way, figures) in [("direct", &direct), ("relayed", &relayed)] {
            print(way, name, figures);
        }
        let ratio = |what: &str, relayed: &[f64], direct: &[f64]| {
            println!("relay-ratio-by-round {name} {what} {}", by_round(relayed, direct));
        };
        ratio("edge-cpu", &relayed.edge, &direct.all);
        ratio("all-cpu", &relayed.all, &direct.all);
        ratio("p50", &relayed.p50, &direct.p50);
        ratio("p99", &relayed.p99, &direct.p99);
    }
    ensure!(hosts.edge.owned()? == 0, "the edge has become an owner");
    Ok(())
}

impl Hosts {
    fn run(
        &self,
        host: &Member,
        bytes: usize,
        traffic: Traffic,
        counted: Duration,
        figures: &mut Figures,
    ) -> Result<()> {
        let endpoint = Endpoint::plain(host.server.address()).with_path(PATH);
        let mut load = Echoes::connect(&endpoint, Pattern::new(Kind::Text, bytes), traffic)?;
        let _pinned = Pinned::to(self.cores.load)?;
        load.run(counted / 4)?;
        let before = self.usage()?;
        let messages = load.run(counted)?.messages;
        let used = self.usage()? - before;
        let [edge, broker, owner] = used.micros_per(messages);
        figures.edge.push(edge);
        figures.broker.push(broker);
        figures.owner.push(owner);
        figures.all.push(edge + broker + owner);
        for (all, per_cent) in [(&mut figures.p50, 50), (&mut figures.p99, 99)] {
            let latency = load.percentile(per_cent).context("a latency")?;
            all.push(latency.as_secs_f64() * 1e6);
        }
        Ok(())
    }

    fn usage(&self) -> Result<Usage> {
        let (edge, owner) = (&self.edge.server, &self.owner.server);
        Usage::of(edge.process_id(), self.fleet.broker.process_id(), owner.process_id())
    }
}

fn print(way: &str, name: &str, figures: &Figures) {
    let samples = |values: &[f64]| values.iter().copied().collect::<Samples>();
    println!(
        "{way} {name} cpu-us-per-message edge {} broker {} owner {} latency-us p50 {} p99 {}",
        samples(&figures.edge),
        samples(&figures.broker),
        samples(&figures.owner),
        samples(&figures.p50),
        samples(&figures.p99)
    );
}
