//! One run: one server, one workload, a few seconds.

use std::time::{Duration, Instant};

use anyhow::Result;
use ws_host_test_support::TestServer;

use crate::certificate::Certificate;
use crate::process::cpu_time;
use crate::workload::{Demand, Workload};

/// The results of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Messages per second.
    pub(crate) per_second: f64,
    /// Messages per second of the server's CPU time, user and system.
    pub(crate) per_cpu_second: f64,
    /// The server's CPU time divided by the time of the run.
    pub(crate) server_core: f64,
    /// Share of the connections that were ready whenever the load generator found any.
    pub(crate) backlog: f64,
    /// Share of the time in which the load generator had work.
    pub(crate) busy: f64,
    /// What had to limit this run.
    pub(crate) demand: Demand,
    /// The latencies at the 50th and the 99th percentile, if known.
    pub(crate) latency: Option<[Duration; 2]>,
    /// Bytes of an echo's frame, if the server chose the length.
    pub(crate) echo_bytes: Option<usize>,
}

/// What limited a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// What the workload demanded: the server, or nothing in particular where nothing is demanded.
    AsDemanded,
    /// The load generator: it had no time to spare.
    Load,
    /// The machine: something else used the cores.
    Machine,
}

/// A server that uses at least this share of its core counts as fully used.
const FULL: f64 = 0.9;

/// Above this backlog, messages wait for the load generator. The slower of the two has nearly all
/// messages in its queue, so the exact value does not matter.
const BEHIND: f64 = 0.5;

/// A load generator that works at least this share of the time counts as fully used.
const BUSY: f64 = 0.9;

/// The length of the warm-up, as a share of the measured time.
const WARM_UP: f64 = 0.25;

/// The resolution of `/proc/PID/stat`. It keeps the ratio finite if the server used no CPU time.
const TICK: f64 = 0.01;

/// How often to check whether a server is idle: every few ticks.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long a server may take to clean up the connections of a run. After that, the next run begins
/// anyway.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

impl Run {
    /// Connects, warms up, measures, and waits until the server is idle, because its peers share
    /// its core.
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
        let echo_bytes = load.echo_bytes();
        drop(load);
        wait_until_idle(server.process_id())?;
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
            echo_bytes,
        })
    }

    /// Returns whether the server used all of its core.
    pub(crate) fn is_core_full(&self) -> bool {
        self.server_core >= FULL
    }

    /// Returns what limited this run.
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

fn wait_until_idle(process: u32) -> Result<()> {
    let began = Instant::now();
    let mut before = cpu_time(process)?;
    loop {
        std::thread::sleep(POLL_INTERVAL);
        let now = cpu_time(process)?;
        if now == before || began.elapsed() > IDLE_TIMEOUT {
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
        echo_bytes: None,
    };

    #[test]
    fn server_with_a_full_core_is_the_limit() {
        assert_eq!(FULL_RUN.limit(), Limit::AsDemanded);
        // A generator that polls often always finds work. That does not mean that it is behind.
        assert_eq!(Run { busy: 0.99, ..FULL_RUN }.limit(), Limit::AsDemanded);
    }

    #[test]
    fn generator_is_the_limit_when_messages_wait_for_it() {
        assert_eq!(Run { backlog: 0.9, ..FULL_RUN }.limit(), Limit::Load);
        // With one broadcast at a time, the server is idle while the generator reads the rest of
        // it.
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
