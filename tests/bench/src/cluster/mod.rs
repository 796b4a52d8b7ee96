//! Several hosts: topics over a broker, beside other systems that have one; clients that are relayed to the owner of
//! their path; paths that move to another host.
//!
//! All processes of a system share one core, and the load generator has another one. CPU time is that of both hosts and
//! of the broker.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

mod drain;
mod failover;
mod fleet;
mod pair;
mod relayed;
mod systems;
mod topics;
mod usage;

use std::time::Duration;

use anyhow::{Result, ensure};
use ws_host_test_support::Broker;

use self::systems::{System, WsHost};
use crate::cores::Cores;
use crate::process::raise_open_files;

/// What to measure besides the time and the number of rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// The subscribers of each run, all on the other host.
    pub(crate) subscribers: &'static [usize],
    /// How long a host owns its paths without confirmation.
    pub(crate) lease: Duration,
    /// The same for relayed clients: hosts under full load on a busy machine must not lose it.
    pub(crate) long_lease: Duration,
    /// How often an owner is killed.
    pub(crate) kills: usize,
    /// The rooms of a host that stops.
    pub(crate) rooms: usize,
    /// How often a host stops.
    pub(crate) stops: usize,
    /// The time that it has for that.
    pub(crate) drain_timeout: Duration,
}

impl Extent {
    /// Long enough for stable medians.
    pub(crate) const MEASURE: Self = Self {
        subscribers: &[1, 100, 1000],
        lease: Duration::from_secs(2),
        long_lease: Duration::from_secs(10),
        kills: 10,
        rooms: 1000,
        stops: 5,
        drain_timeout: Duration::from_secs(10),
    };

    /// Checks that everything works.
    pub(crate) const SMOKE: Self = Self {
        subscribers: &[1, 20],
        lease: Duration::from_secs(1),
        long_lease: Duration::from_secs(3),
        kills: 1,
        rooms: 20,
        stops: 1,
        drain_timeout: Duration::from_secs(2),
    };
}

/// Measures everything if there is a broker, and says so if there is none.
pub(crate) fn measure_if_installed(counted: Duration, rounds: usize, extent: Extent) -> Result<()> {
    if Broker::version().is_err() {
        println!(
            "left out: cluster: nats-server is not installed; tests/clients/install installs it"
        );
        return Ok(());
    }
    measure(counted, rounds, extent)
}

/// Measures everything and prints it.
pub(crate) fn measure(counted: Duration, rounds: usize, extent: Extent) -> Result<()> {
    let cores = Cores::choose()?;
    let allowed = raise_open_files()?;
    let most = extent.subscribers.iter().copied().max().unwrap_or(0).max(extent.rooms) as u64;
    ensure!(
        most + 1200 < allowed,
        "{most} clients need more than the {allowed} open files that a process may have (ulimit -Hn)"
    );
    println!(
        "cluster: {}, program {}; {rounds} rounds of {} s",
        WsHost.version()?,
        ws_host_test_support::host_binary().display(),
        counted.as_secs_f64()
    );
    let systems = systems::installed();
    topics::measure(&systems, cores, counted, rounds, extent.subscribers)?;
    relayed::measure(cores, counted, rounds, extent.long_lease)?;
    failover::measure(cores, extent.lease, extent.kills)?;
    drain::measure(cores, &extent)
}
