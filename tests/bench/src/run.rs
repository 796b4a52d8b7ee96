//! One run: one server, one workload, some seconds.

use std::time::{Duration, Instant};

use anyhow::Result;
use ws_host_test_support::TestServer;

use crate::certificate::Certificate;
use crate::process::cpu_time;
use crate::workload::{Demand, Workload};

/// What a server did in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Messages per second.
    pub(crate) per_second: f64,
    /// Messages per second of the server's CPU time, user and system.
    pub(crate) per_cpu_second: f64,
    /// CPU time of the server by the time of the run.
    pub(crate) server_core: f64,
    /// Share of the connections that were ready when the load generator found any.
    pub(crate) backlog: f64,
    /// Share of the time in which the load generator had something to do.
    pub(crate) busy: f64,
    /// What this run had to be limited by.
    pub(crate) demand: Demand,
    /// How long half of the messages took at most, and 99 of 100, where that is known.
    pub(crate) latency: Option<[Duration; 2]>,
    /// Octets of the frame that an echo was, where the server chose how many it sends.
    pub(crate) echo_octets: Option<usize>,
}

/// What limited a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// What it was to be: the server, or nothing in particular where nothing is demanded.
    AsDemanded,
    /// The load generator: it had no time to spare.
    Load,
    /// The machine: something else had the cores.
    Machine,
}

/// From this share of its core on a server counts as fully used.
const FULL: f64 = 0.9;

/// From this backlog on it is the load generator that messages wait for. Whoever is slower of the two
/// has nearly all messages in its queue, so that the exact share does not matter.
const BEHIND: f64 = 0.5;

/// From this share of the time on a load generator counts as fully used.
const BUSY: f64 = 0.9;

/// The part of the counted time that a server gets to warm up before.
const WARM_UP: f64 = 0.25;

/// The resolution of `/proc/PID/stat`, so that a server that stood still does not divide by zero.
const TICK: f64 = 0.01;

/// How often a server is looked at until it rests: a few ticks.
const LOOK: Duration = Duration::from_millis(50);

/// How long a server may take to forget the connections of a run before the next run begins anyway.
const RESTS_WITHIN: Duration = Duration::from_secs(5);

impl Run {
    /// Connects, warms up, counts, and waits until the server rests: its peers share its core.
    pub(crate) fn measure(
        server: &TestServer,
        workload: Workload,
        certificate: &Certificate,
        counted: Duration,
    ) -> Result<Self> {
        let mut load = workload.connect(server.address(), certificate)?;
        load.run(counted.mul_f64(WARM_UP))?;
        let (began, cpu_before) = (Instant::now(), cpu_time(server.process_id())?);
        let counted = load.run(counted)?;
        let (wall, cpu_after) = (began.elapsed().as_secs_f64(), cpu_time(server.process_id())?);
        let latency = load.percentile(50).zip(load.percentile(99)).map(<[Duration; 2]>::from);
        let echo_octets = load.echo_octets();
        drop(load);
        wait_for_rest(server.process_id())?;
        let server_cpu = cpu_after.saturating_sub(cpu_before).as_secs_f64();
        let messages = counted.messages as f64;
        Ok(Self {
            per_second: messages / wall,
            per_cpu_second: messages / server_cpu.max(TICK),
            server_core: server_cpu / wall,
            backlog: counted.backlog(),
            busy: counted.busy(),
            demand: workload.demand,
            latency,
            echo_octets,
        })
    }

    /// Whether the server used all of its core.
    pub(crate) fn is_core_full(&self) -> bool {
        self.server_core >= FULL
    }

    /// What limited this run.
    pub(crate) fn limit(&self) -> Limit {
        if self.demand == Demand::Nothing {
            Limit::AsDemanded
        } else if self.backlog > BEHIND {
            Limit::Load
        } else if self.is_core_full() {
            Limit::AsDemanded
        } else if self.busy >= BUSY {
            Limit::Load
        } else {
            Limit::Machine
        }
    }
}

fn wait_for_rest(process: u32) -> Result<()> {
    let began = Instant::now();
    let mut before = cpu_time(process)?;
    loop {
        std::thread::sleep(LOOK);
        let now = cpu_time(process)?;
        if now == before || began.elapsed() > RESTS_WITHIN {
            return Ok(());
        }
        before = now;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run that the server limited.
    pub(crate) const FULL_RUN: Run = Run {
        per_second: 1000.0,
        per_cpu_second: 1010.0,
        server_core: 0.99,
        backlog: 0.05,
        busy: 0.6,
        demand: Demand::FullCore,
        latency: None,
        echo_octets: None,
    };

    #[test]
    fn server_with_a_full_core_is_the_limit() {
        assert_eq!(FULL_RUN.limit(), Limit::AsDemanded);
        // A generator that looks often has always something to do and is not behind for that.
        assert_eq!(Run { busy: 0.99, ..FULL_RUN }.limit(), Limit::AsDemanded);
    }

    #[test]
    fn generator_is_the_limit_when_messages_wait_for_it() {
        assert_eq!(Run { backlog: 0.9, ..FULL_RUN }.limit(), Limit::Load);
        // With one broadcast under way the server rests while the generator reads the last of it.
        assert_eq!(Run { server_core: 0.7, busy: 0.95, ..FULL_RUN }.limit(), Limit::Load);
    }

    #[test]
    fn machine_is_the_limit_when_neither_was_busy() {
        assert_eq!(Run { server_core: 0.7, ..FULL_RUN }.limit(), Limit::Machine);
    }

    #[test]
    fn nothing_is_demanded_of_a_round_trip() {
        let alone = Run { demand: Demand::Nothing, backlog: 1.0, server_core: 0.5, ..FULL_RUN };
        assert_eq!(alone.limit(), Limit::AsDemanded);
    }
}
