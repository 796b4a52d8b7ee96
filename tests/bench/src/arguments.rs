//! The command line.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::certificate::TlsFiles;
use crate::channel::Channel;
use crate::cluster::Extent;
use crate::peers::Peer;
use crate::plan::Plan;
use crate::process::raise_open_files;
use crate::selection;
use crate::servers::CustomServer;
use crate::workload::{MAIN, Role, Workload};

/// Measures ws-host and other servers on loopback, and compares them. Ends by itself.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,

    /// Measured seconds of each run [default: 2]
    #[arg(long, global = true, value_parser = parse_seconds)]
    seconds: Option<Duration>,

    /// Runs of each server with each workload [default: 5]
    #[arg(long, global = true)]
    rounds: Option<NonZeroUsize>,

    /// Connections of echo-20 and echo-1KiB and of their TLS and compressed variants, each with one
    /// message in flight [default: 100]
    #[arg(long, global = true)]
    connections: Option<NonZeroUsize>,

    /// Connections to hold idle [default: 5000]
    #[arg(long, global = true, value_name = "CONNECTIONS")]
    idle: Option<NonZeroUsize>,

    /// Server starts to measure [default: 10]
    #[arg(long, global = true)]
    starts: Option<NonZeroUsize>,

    /// Connections that each have a sandbox of their own [default: 2000]
    #[arg(long, global = true, value_name = "CONNECTIONS")]
    dense: Option<NonZeroUsize>,

    /// Sandboxes without a connection [default: 5000]
    #[arg(long, global = true, value_name = "SANDBOXES")]
    sandboxes: Option<NonZeroUsize>,

    /// Reloads under load [default: 100]
    #[arg(long, global = true)]
    reloads: Option<NonZeroUsize>,

    /// Measure only this server (may be repeated). Without ws-host, only what its peers can do is
    /// measured
    #[arg(long, global = true, value_name = "NAME")]
    only: Vec<String>,

    /// Run only this workload (may be repeated)
    #[arg(long, global = true, value_name = "NAME")]
    workload: Vec<Workload>,

    /// Add an echo server of your own, as NAME=COMMAND (may be repeated). COMMAND is a program with
    /// its arguments, quoted as for a shell. The first line that it prints must contain its URL, in
    /// the form ws://127.0.0.1:PORT/
    #[arg(long, global = true, value_name = "NAME=COMMAND")]
    with: Vec<CustomServer>,

    /// Also write the results into performance.md and performance.svg in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,

    /// Check that everything works, in a run too short to measure anything. Changes the defaults to
    /// 0.2 seconds, 1 round, at most 100 connections at a time, 500 idle connections, 200
    /// sandboxes, 2 reloads and 2 starts
    #[arg(long, global = true)]
    smoke: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Measure the throughput of every workload
    Throughput,
    /// Measure the throughput of the two main workloads, echo-20 and echo-1KiB
    Echo,
    /// Measure the memory of idle connections
    Idle,
    /// Measure the time from start to the first echo
    Start,
    /// Measure the memory of sandboxes, and how long hibernated ones take to wake
    Density,
    /// Measure the latency of other clients while one client traps, loops or hoards memory
    Neighbours,
    /// Measure how long a reload pauses an actor
    Reload,
    /// Measure two hosts: topics beside Socket.IO and Sockudo, relayed clients, and paths that move; needs nats-server
    /// (tests/clients/install)
    Cluster,
    /// Measure the CPU time per message with one and with two workers, to show what workers cost
    /// each other
    Workers,
    /// Count the instructions per message and check them against a budget
    Instructions {
        /// Write the counts into the budget
        #[arg(long)]
        record: bool,
    },
    /// Run every workload against ws-host without measuring, to collect a profile of it
    Exercise,
    /// Serve as a peer until killed
    Peer {
        name: Peer,
        #[arg(default_value = "echo")]
        role: Role,
        #[arg(default_value = "plain")]
        channel: Channel,
        #[command(flatten)]
        tls: Option<TlsFiles>,
    },
    /// Replace this process with a command that stays on one core and ends with its parent
    #[command(hide = true)]
    OnCore { core: usize, command: OsString, arguments: Vec<OsString> },
}

/// How long, how often and with how many connections to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    /// Measured time of a run.
    pub(crate) counted: Duration,
    /// Runs of each server with each workload.
    pub(crate) rounds: usize,
    /// Idle connections.
    pub(crate) idle: usize,
    /// Starts of each server.
    pub(crate) starts: usize,
    /// Connections that each have a sandbox of their own.
    pub(crate) dense: usize,
    /// Sandboxes without a connection.
    pub(crate) sandboxes: usize,
    /// Reloads under load.
    pub(crate) reloads: usize,
    /// What to measure with several hosts.
    pub(crate) cluster: Extent,
}

/// The defaults: long enough for stable medians, short enough to run after every change.
const MEASURE: Amounts = Amounts {
    counted: Duration::from_secs(2),
    rounds: 5,
    idle: 5000,
    starts: 10,
    dense: 2000,
    sandboxes: 5000,
    reloads: 100,
    cluster: Extent::MEASURE,
};

/// The defaults with `--smoke`.
const SMOKE: Amounts = Amounts {
    counted: Duration::from_millis(200),
    rounds: 1,
    idle: 500,
    starts: 2,
    dense: 200,
    sandboxes: 200,
    reloads: 2,
    cluster: Extent::SMOKE,
};

impl Args {
    /// Returns the amounts: those given on the command line, and defaults for the others.
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
            cluster: usual.cluster,
        }
    }

    /// Returns the servers and workloads to compare. Prints which servers are left out.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let Amounts { counted, rounds, .. } = self.amounts();
        let servers = selection::servers(&self.only, &self.with)?;
        let (workloads, files) = (self.workloads(), raise_open_files()?);
        Ok(Plan { counted, rounds, workloads, servers, files })
    }

    /// Returns the workloads to run.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        let all: &[_] = match self.action {
            Some(Action::Echo) => &MAIN,
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
    /// The most seconds that are accepted; more is surely a mistake.
    const TOO_LONG: f64 = 3600.0;
    match text.parse() {
        Ok(seconds) if (0.1..=TOO_LONG).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("must be a number of seconds from 0.1 to {TOO_LONG}")),
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
    fn all_workloads_run_unless_some_are_named() {
        assert_eq!(workloads(&[]).len(), Workload::ALL.len());
        assert_eq!(workloads(&["echo"]), [("echo-20", 100), ("echo-1KiB", 100)]);
        assert_eq!(
            workloads(&["--workload", "connections-10000"]),
            [("connections-10000", 10_000)]
        );
        let few = ["--connections", "7", "--workload", "echo-20", "--workload", "echo-1MiB"];
        assert_eq!(workloads(&few), [("echo-20", 7), ("echo-1MiB", 10)]);
        // A workload must have as many connections as the plain one that it is compared with.
        assert_eq!(workloads(&["--connections", "7", "--workload", "tls-20"]), [("tls-20", 7)]);
    }

    #[test]
    fn smoke_runs_every_workload_with_few_connections() {
        let tiny = workloads(&["--smoke"]);
        assert_eq!(tiny.len(), Workload::ALL.len());
        assert!(tiny.iter().all(|(_, connections)| *connections <= 100));
    }
}
