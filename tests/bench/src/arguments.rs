//! The command line, and what it means.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::certificate::TlsFiles;
use crate::channel::Channel;
use crate::peers::Peer;
use crate::plan::Plan;
use crate::process::raise_open_files;
use crate::selection;
use crate::servers::Given;
use crate::workload::{MAIN, Role, Workload};

/// Measures ws-host beside its peers, on loopback. Ends by itself.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) what: Option<What>,

    /// Counted seconds of each run [default: 2]
    #[arg(long, global = true, value_parser = parse_seconds)]
    seconds: Option<Duration>,

    /// Runs of each server and workload [default: 5]
    #[arg(long, global = true)]
    rounds: Option<NonZeroUsize>,

    /// Connections of echo-20 and echo-1KiB, and of the same over TLS and compressed, each with one
    /// message in flight [default: 100]
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

    /// Only this server (may be repeated); without ws-host only what its peers do too is measured
    #[arg(long, global = true, value_name = "NAME")]
    only: Vec<String>,

    /// Only this workload (may be repeated)
    #[arg(long, global = true, value_name = "NAME")]
    workload: Vec<Workload>,

    /// An echo server of yours, written as NAME=COMMAND (may be repeated). The command is one program
    /// with its arguments, quoted as for a shell; on its first line of output it prints the URL that it
    /// serves, as ws://127.0.0.1:PORT/
    #[arg(long, global = true, value_name = "NAME=COMMAND")]
    with: Vec<Given>,

    /// Also write what was measured into performance.md and performance.svg in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,

    /// So short that it measures nothing, to see that it works: 0.2 seconds, 1 round, at most 100
    /// connections at a time, 500 idle connections, 200 sandboxes, 2 reloads and 2 starts, where nothing
    /// else is said
    #[arg(long, global = true)]
    smoke: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Throughput of every workload
    Throughput,
    /// Throughput of the two main workloads, echo-20 and echo-1KiB
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
    /// What two workers share, in CPU time of a message
    Workers,
    /// Instructions of a message, held against a budget
    Instructions {
        /// Make what is counted the budget
        #[arg(long)]
        record: bool,
    },
    /// Lets ws-host serve every workload for a while and measures nothing: for a profile of it
    Exercise,
    /// Serves as a peer until it is killed
    Peer {
        name: Peer,
        #[arg(default_value = "echo")]
        role: Role,
        #[arg(default_value = "plain")]
        channel: Channel,
        #[command(flatten)]
        tls: Option<TlsFiles>,
    },
    /// Becomes a command that stays on one core and ends when its parent does
    #[command(hide = true)]
    OnCore { core: usize, command: OsString, arguments: Vec<OsString> },
}

/// How long, how often and how much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    /// Counted time of a run.
    pub(crate) counted: Duration,
    /// Runs of each server and workload.
    pub(crate) rounds: usize,
    /// Idle connections.
    pub(crate) idle: usize,
    /// Starts of each server.
    pub(crate) starts: usize,
    /// Connections with a sandbox each.
    pub(crate) dense: usize,
    /// Sandboxes alone.
    pub(crate) sandboxes: usize,
    /// Reloads under load.
    pub(crate) reloads: usize,
}

/// Long enough that the medians hold still, short enough to be run after every change.
const MEASURE: Amounts = Amounts {
    counted: Duration::from_secs(2),
    rounds: 5,
    idle: 5000,
    starts: 10,
    dense: 2000,
    sandboxes: 5000,
    reloads: 100,
};

/// Only to see that it works.
const SMOKE: Amounts = Amounts {
    counted: Duration::from_millis(200),
    rounds: 1,
    idle: 500,
    starts: 2,
    dense: 200,
    sandboxes: 200,
    reloads: 2,
};

impl Args {
    /// How long, how often and how much.
    pub(crate) fn amounts(&self) -> Amounts {
        let usual = if self.smoke { SMOKE } else { MEASURE };
        let or = |given: Option<NonZeroUsize>, usual| given.map_or(usual, NonZeroUsize::get);
        Amounts {
            counted: self.seconds.unwrap_or(usual.counted),
            rounds: or(self.rounds, usual.rounds),
            idle: or(self.idle, usual.idle),
            starts: or(self.starts, usual.starts),
            dense: or(self.dense, usual.dense),
            sandboxes: or(self.sandboxes, usual.sandboxes),
            reloads: or(self.reloads, usual.reloads),
        }
    }

    /// What is compared. Says who is left out.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let Amounts { counted, rounds, .. } = self.amounts();
        let servers = selection::servers(&self.only, &self.with)?;
        let (workloads, files) = (self.workloads(), raise_open_files()?);
        Ok(Plan { counted, rounds, workloads, servers, files })
    }

    /// What is asked.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        let all: &[_] = match self.what {
            Some(What::Echo) => &MAIN,
            _ => &Workload::ALL,
        };
        let is_chosen =
            |workload: &Workload| self.workload.is_empty() || self.workload.contains(workload);
        let with_connections = |workload: &Workload| match self.connections {
            Some(connections) if MAIN.iter().any(|main| main.name == workload.plain) => {
                Workload { connections: connections.get(), ..*workload }
            }
            _ if self.smoke => workload.tiny(),
            _ => *workload,
        };
        all.iter().filter(|workload| is_chosen(workload)).map(with_connections).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn workloads(arguments: &[&str]) -> Vec<(&'static str, usize)> {
        let arguments = ["bench"].iter().chain(arguments);
        let workloads = Args::try_parse_from(arguments).unwrap().workloads();
        workloads.iter().map(|workload| (workload.name, workload.connections)).collect()
    }

    #[test]
    fn workloads_are_all_or_those_that_were_named() {
        assert_eq!(workloads(&[]).len(), Workload::ALL.len());
        assert_eq!(workloads(&["echo"]), [("echo-20", 100), ("echo-1KiB", 100)]);
        assert_eq!(
            workloads(&["--workload", "connections-10000"]),
            [("connections-10000", 10_000)]
        );
        let few = ["--connections", "7", "--workload", "echo-20", "--workload", "echo-1MiB"];
        assert_eq!(workloads(&few), [("echo-20", 7), ("echo-1MiB", 10)]);
        // What is compared with the plain run has as many connections.
        assert_eq!(workloads(&["--connections", "7", "--workload", "tls-20"]), [("tls-20", 7)]);
    }

    #[test]
    fn smoke_has_every_workload_with_few_connections() {
        let tiny = workloads(&["--smoke"]);
        assert_eq!(tiny.len(), Workload::ALL.len());
        assert!(tiny.iter().all(|(_, connections)| *connections <= 100));
    }
}
