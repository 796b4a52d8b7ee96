//! How much two workers slow each other down: the CPU time per message with one worker, with two in
//! one process, and with two processes, which share nothing.
//!
//! Here servers and load generators have to share the cores, so messages per second would depend on
//! which got more of them. The servers' CPU time per message does not.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::time::Duration;

use anyhow::{Context, Result};
use ws_host_test_support::TestServer;

use crate::load::{Echoes, Load, Traffic};
use crate::process::{cpu_time, thread_times};
use crate::servers::Server;
use crate::statistics::Samples;
use crate::workload::Role;

/// Connections of both load generators together, each with a sandbox.
const CONNECTIONS: usize = 200;

/// Size of their messages in bytes.
const MESSAGE_BYTES: usize = 20;

/// Messages in flight on each connection. With many, the host's own work outweighs the kernel's,
/// which all processes share anyway.
const IN_FLIGHT: usize = 16;

/// Servers that share the work.
struct Setup {
    name: &'static str,
    servers: Vec<TestServer>,
    messages_per_cpu_second: Samples,
}

impl Setup {
    fn start(name: &'static str, processes: usize, workers: &str) -> Result<Self> {
        let launch = Server::HostPerClient.launch(Role::Echo, CONNECTIONS)?;
        let launch = launch.args(["--workers", workers]);
        let servers = (0..processes)
            .map(|_| TestServer::spawn(launch.unpinned()).context("ws-host"))
            .collect::<Result<_>>()?;
        Ok(Self { name, servers, messages_per_cpu_second: Samples::default() })
    }

    /// Runs two load generators with half of the connections each.
    fn run(&mut self, counted: Duration) -> Result<()> {
        let traffic = Traffic { connections: CONNECTIONS / 2, in_flight: IN_FLIGHT };
        let mut loads = [self.servers.first(), self.servers.last()]
            .into_iter()
            .flatten()
            .map(|server| Echoes::plain(server.address(), MESSAGE_BYTES, traffic))
            .collect::<Result<Vec<_>>>()?;
        let before = self.cpu_time()?;
        let messages = std::thread::scope(|scope| {
            let running: Vec<_> =
                loads.iter_mut().map(|load| scope.spawn(|| load.run(counted))).collect();
            running.into_iter().try_fold(0, |messages, running| {
                let counted = running.join().ok().context("a load generator panicked")??;
                anyhow::Ok(messages + counted.messages)
            })
        })?;
        let cpu = self.cpu_time()? - before;
        self.messages_per_cpu_second.push(messages as f64 / cpu.as_secs_f64());
        Ok(())
    }

    fn cpu_time(&self) -> Result<Duration> {
        self.servers.iter().map(|server| cpu_time(server.process_id())).sum()
    }
}

/// Measures, and prints the ratios.
pub(crate) fn measure(counted: Duration, rounds: usize) -> Result<()> {
    let mut one = Setup::start("one worker", 1, "1")?;
    let mut two = Setup::start("two workers", 1, "2")?;
    let mut apart = Setup::start("two processes", 2, "1")?;
    for _ in 0..rounds {
        for setup in [&mut one, &mut two, &mut apart] {
            setup.run(counted)?;
        }
    }
    for Setup { name, messages_per_cpu_second, .. } in [&one, &two, &apart] {
        println!("{name:<14} messages per CPU second: {messages_per_cpu_second}");
    }
    let by = |other: &Setup| {
        two.messages_per_cpu_second.median() / other.messages_per_cpu_second.median()
    };
    println!("cpu-ratio two-workers-by-one {:.2}", by(&one));
    println!("cpu-ratio two-workers-by-two-processes {:.2}", by(&apart));
    let mut threads = thread_times(two.servers[0].process_id())?;
    threads.sort_unstable();
    if let [.., less, most] = threads[..] {
        println!("workers-balance {:.2}", less.as_secs_f64() / most.as_secs_f64());
    }
    Ok(())
}
