//! Echo throughput, server by server in turn, so that a drift of the machine meets all alike.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::load::Load;
use crate::process::{cpu_time, pin_to};
use crate::servers::{self, OURS, PEERS, SERVER_CORE};
use crate::statistics::Samples;

/// Octets of a message.
const SIZES: [usize; 2] = [20, 1024];

/// Below this share of its core a server was not what limited the run.
const FULL: f64 = 0.9;

/// How to measure.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seconds: f64,
    pub(crate) rounds: usize,
    pub(crate) connections: usize,
    pub(crate) only: Vec<String>,
}

/// What one server did with one size.
#[derive(Default)]
struct Figures {
    per_second: Samples,
    per_cpu_second: Samples,
    load: Samples,
}

/// Measures and prints the table and the ratios.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let names: Vec<&str> = std::iter::once(OURS)
        .chain(PEERS)
        .filter(|name| plan.only.is_empty() || plan.only.iter().any(|only| only == name))
        .collect();
    ensure!(!names.is_empty(), "--only names none of {OURS}, {}", PEERS.join(", "));
    let servers = names.iter().map(|name| servers::start(name)).collect::<Result<Vec<_>>>()?;
    // The thread that generates the load keeps off the servers' core.
    pin_to(1 - SERVER_CORE)?;
    println!(
        "echo, {} connections with one message in flight each, one core for the server",
        plan.connections
    );
    println!(
        "{:<20} {:>6} {:>30} {:>30} {:>6}",
        "server", "octets", "messages/s", "messages per CPU second", "core"
    );
    for octets in SIZES {
        let mut figures: Vec<Figures> = names.iter().map(|_| Figures::default()).collect();
        for _ in 0..plan.rounds {
            for (server, figures) in servers.iter().zip(&mut figures) {
                let mut load = Load::connect(server.address(), plan.connections, octets)?;
                load.run(Duration::from_secs_f64(plan.seconds / 4.0))?;
                let (began, cpu_before) = (Instant::now(), cpu_time(server.process_id())?);
                let echoes = load.run(Duration::from_secs_f64(plan.seconds))? as f64;
                let wall = began.elapsed().as_secs_f64();
                let cpu = (cpu_time(server.process_id())? - cpu_before).as_secs_f64();
                figures.per_second.push(echoes / wall);
                figures.per_cpu_second.push(echoes / cpu.max(0.01));
                figures.load.push(100.0 * cpu / wall);
            }
        }
        print_rows(octets, &names, &figures);
    }
    Ok(())
}

fn print_rows(octets: usize, names: &[&str], figures: &[Figures]) {
    for (name, figures) in names.iter().zip(figures) {
        let Figures { per_second, per_cpu_second, load } = figures;
        println!(
            "{name:<20} {octets:>6} {:>30} {:>30} {:>5.0}%",
            per_second.to_string(),
            per_cpu_second.to_string(),
            load.median()
        );
        if load.median() < 100.0 * FULL {
            println!("  the core of {name} was not full: something else limited these runs");
        }
    }
    let Some(ours) = names.iter().position(|name| *name == OURS) else {
        return;
    };
    for (name, peer) in names.iter().zip(figures).filter(|(name, _)| **name != OURS) {
        let ratio = figures[ours].per_second.median() / peer.per_second.median();
        let cpu_ratio = figures[ours].per_cpu_second.median() / peer.per_cpu_second.median();
        println!("ratio {name} {octets} {ratio:.2}");
        println!("cpu-ratio {name} {octets} {cpu_ratio:.2}");
    }
}
