//! One run: one server, one size of message, some seconds.

use std::time::{Duration, Instant};

use anyhow::Result;
use ws_host_test_support::TestServer;

use crate::load::Load;
use crate::process::cpu_time;

/// What is asked of a server in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    /// How long echoes are counted.
    pub(crate) counted: Duration,
    /// Connections with one message in flight each.
    pub(crate) connections: usize,
    /// Octets of a message.
    pub(crate) octets: usize,
}

/// What a server did in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Messages echoed per second.
    pub(crate) per_second: f64,
    /// Messages echoed per second of the server's CPU time, user and system.
    pub(crate) per_cpu_second: f64,
    /// CPU time of the server by the time of the run.
    pub(crate) server_core: f64,
    /// Share of the connections whose echoes lay ready when the load generator found any.
    pub(crate) backlog: f64,
}

/// What limited a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The server, as it should be.
    Server,
    /// The load generator: more of the echoes waited for it than for the server.
    Load,
    /// The machine: something else had the cores.
    Machine,
}

/// From this share of its core on a server counts as fully used.
const FULL: f64 = 0.9;

/// From this backlog on it is the load generator that echoes wait for. Whoever is slower of the two
/// has nearly all messages in its queue, so that the exact share does not matter.
const BEHIND: f64 = 0.5;

/// The part of the counted time that a server gets to warm up before.
const WARM_UP: f64 = 0.25;

/// The resolution of `/proc/PID/stat`, so that a server that stood still does not divide by zero.
const TICK: f64 = 0.01;

impl Run {
    /// Connects, warms up, counts.
    pub(crate) fn measure(server: &TestServer, task: Task) -> Result<Self> {
        let mut load = Load::connect(server.address(), task.connections, task.octets)?;
        load.run(task.counted.mul_f64(WARM_UP))?;
        let (began, cpu_before) = (Instant::now(), cpu_time(server.process_id())?);
        let counted = load.run(task.counted)?;
        let (wall, cpu_after) = (began.elapsed().as_secs_f64(), cpu_time(server.process_id())?);
        let server_cpu = (cpu_after - cpu_before).as_secs_f64();
        let echoes = counted.echoes as f64;
        Ok(Self {
            per_second: echoes / wall,
            per_cpu_second: echoes / server_cpu.max(TICK),
            server_core: server_cpu / wall,
            backlog: echoes / counted.looks.max(1) as f64 / task.connections as f64,
        })
    }

    /// Whether the server used all of its core.
    pub(crate) fn is_core_full(&self) -> bool {
        self.server_core >= FULL
    }

    /// What limited this run.
    pub(crate) fn limit(&self) -> Limit {
        if self.backlog > BEHIND {
            Limit::Load
        } else if self.is_core_full() {
            Limit::Server
        } else {
            Limit::Machine
        }
    }
}
