//! Measures ws-host beside its peers: throughput of an echo, memory of an idle connection, time from
//! start to the first echo.

mod client;
mod cores;
mod density;
mod echo;
mod idle;
mod instructions;
mod load;
mod neighbours;
mod peers;
mod process;
mod reload;
mod report;
mod run;
mod servers;
mod start;
mod statistics;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::peers::Peer;
use crate::servers::Server;

/// Measures ws-host beside its peers, on loopback. Ends by itself.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,

    /// Counted seconds of each run [default: 2]
    #[arg(long, global = true, value_parser = parse_seconds)]
    seconds: Option<Duration>,

    /// Runs of each server and size [default: 5]
    #[arg(long, global = true)]
    rounds: Option<NonZeroUsize>,

    /// Connections of the echo, each with one message in flight [default: 100]
    #[arg(long, global = true)]
    connections: Option<NonZeroUsize>,

    /// Connections that are held idle [default: 5000]
    #[arg(long, global = true, value_name = "CONNECTIONS")]
    idle: Option<NonZeroUsize>,

    /// Measured starts [default: 10]
    #[arg(long, global = true)]
    starts: Option<NonZeroUsize>,

    /// Connections with a sandbox each [default: 2000]
    #[arg(long, global = true, value_name = "CONNECTIONS")]
    dense: Option<NonZeroUsize>,

    /// Sandboxes without a connection [default: 5000]
    #[arg(long, global = true, value_name = "SANDBOXES")]
    sandboxes: Option<NonZeroUsize>,

    /// Reloads under load [default: 100]
    #[arg(long, global = true)]
    reloads: Option<NonZeroUsize>,

    /// Only this server (may be repeated); without ws-host only the echo is measured
    #[arg(long, global = true, value_name = "NAME")]
    only: Vec<Server>,

    /// So short that it measures nothing, to see that it works: 0.3 seconds, 1 round, 500 idle
    /// connections, 200 sandboxes, 2 reloads and 2 starts, where nothing else is said
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
    /// Memory of sandboxes, and how fast hibernated ones wake
    Density,
    /// What others notice of a client that traps, loops or hoards
    Neighbours,
    /// How long a reload stops an actor
    Reload,
    /// Instructions of a message, held against a budget
    Instructions {
        /// Make what is counted the budget
        #[arg(long)]
        record: bool,
    },
    /// Serves as a peer until it is killed
    Peer { name: Peer },
    /// Becomes a command that stays on one core and ends when its parent does
    #[command(hide = true)]
    OnCore { core: usize, command: OsString, arguments: Vec<OsString> },
}

/// How long and how often to measure where the command line does not say it.
struct Defaults {
    seconds: f64,
    rounds: usize,
    idle: usize,
    starts: usize,
    dense: usize,
    sandboxes: usize,
    reloads: usize,
}

/// Long enough that the medians hold still, short enough to be run after every change.
const MEASURE: Defaults = Defaults {
    seconds: 2.0,
    rounds: 5,
    idle: 5000,
    starts: 10,
    dense: 2000,
    sandboxes: 5000,
    reloads: 100,
};

/// Only to see that it works.
const SMOKE: Defaults = Defaults {
    seconds: 0.3,
    rounds: 1,
    idle: 500,
    starts: 2,
    dense: 200,
    sandboxes: 200,
    reloads: 2,
};

/// Connections of the echo: enough that a server always has some that are ready.
const CONNECTIONS: usize = 100;

fn main() -> Result<()> {
    let args = Args::parse();
    let defaults = if args.smoke { SMOKE } else { MEASURE };
    let idle_connections = args.idle.map_or(defaults.idle, NonZeroUsize::get);
    let starts = args.starts.map_or(defaults.starts, NonZeroUsize::get);
    let dense = args.dense.map_or(defaults.dense, NonZeroUsize::get);
    let sandboxes = args.sandboxes.map_or(defaults.sandboxes, NonZeroUsize::get);
    let reloads = args.reloads.map_or(defaults.reloads, NonZeroUsize::get);
    let echo = echo::Plan {
        counted: args.seconds.unwrap_or(Duration::from_secs_f64(defaults.seconds)),
        rounds: args.rounds.map_or(defaults.rounds, NonZeroUsize::get),
        connections: args.connections.map_or(CONNECTIONS, NonZeroUsize::get),
        servers: Server::ALL
            .into_iter()
            .filter(|server| args.only.is_empty() || args.only.contains(server))
            .collect(),
    };
    match args.what {
        Some(What::Peer { name }) => peers::serve(name),
        Some(What::OnCore { core, command, arguments }) => {
            process::become_on_core(core, &command, &arguments)
        }
        Some(What::Echo) => echo::measure(&echo),
        Some(What::Idle) => idle::measure(idle_connections),
        Some(What::Start) => start::measure(starts),
        Some(What::Density) => density::measure(dense, sandboxes),
        Some(What::Neighbours) => neighbours::measure(echo.counted, echo.rounds),
        Some(What::Reload) => reload::measure(reloads),
        Some(What::Instructions { record: false }) => {
            instructions::measure(instructions::Use::Check)
        }
        Some(What::Instructions { record: true }) => {
            instructions::measure(instructions::Use::Record)
        }
        None => {
            echo::measure(&echo)?;
            if !echo.servers.contains(&Server::Host) {
                return Ok(());
            }
            idle::measure(idle_connections)?;
            density::measure(dense, sandboxes)?;
            neighbours::measure(echo.counted, echo.rounds)?;
            reload::measure(reloads)?;
            start::measure(starts)
        }
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    /// Seconds that nobody means.
    const TOO_LONG: f64 = 3600.0;
    match text.parse() {
        Ok(seconds) if (0.1..=TOO_LONG).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("not a number of seconds from 0.1 to {TOO_LONG}")),
    }
}
