//! Measures ws-host beside its peers: throughput of an echo, memory of an idle connection, time from
//! start to the first echo.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

mod echo;
mod idle;
mod load;
mod peers;
mod process;
mod servers;
mod start;
mod statistics;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures ws-host beside its peers, on loopback. Ends by itself.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,

    /// Counted seconds of each run
    #[arg(long, global = true, default_value_t = 2.0)]
    seconds: f64,

    /// Runs of each server and size
    #[arg(long, global = true, default_value_t = 5)]
    rounds: usize,

    /// Connections, each with one message in flight
    #[arg(long, global = true, default_value_t = 100)]
    connections: usize,

    /// Only this server (may be repeated)
    #[arg(long, global = true, value_name = "NAME")]
    only: Vec<String>,

    /// So short that it measures nothing, to see that it works
    #[arg(long, global = true)]
    smoke: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Echo throughput
    Echo,
    /// Memory of idle connections
    Idle,
    /// Time from start to the first echo
    Start,
    /// Serves as a peer until it is killed
    #[command(hide = true)]
    Peer { name: String },
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        (args.seconds, args.rounds, args.connections) = (0.2, 1, 10);
    }
    let idle_connections = if args.smoke { 200 } else { 5000 };
    let starts = if args.smoke { 2 } else { 10 };
    let echo = echo::Plan {
        seconds: args.seconds,
        rounds: args.rounds,
        connections: args.connections,
        only: args.only,
    };
    match args.what {
        Some(What::Peer { name }) => peers::serve(&name),
        Some(What::Echo) => echo::measure(&echo),
        Some(What::Idle) => idle::measure(idle_connections),
        Some(What::Start) => start::measure(starts),
        None => {
            echo::measure(&echo)?;
            idle::measure(idle_connections)?;
            start::measure(starts)
        }
    }
}
