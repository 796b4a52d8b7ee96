//! Echo throughput, server by server in turn, so that a drift of the machine meets all alike.

use std::time::Duration;

use anyhow::Result;

use crate::cores::{Cores, Pinned};
use crate::report::{self, Row};
use crate::run::{Run, Task};
use crate::servers::Server;

/// Octets of a message: one that is all overhead, and one that is all copying.
const SIZES: [usize; 2] = [20, 1024];

/// How to measure.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How long each run counts.
    pub(crate) counted: Duration,
    /// Runs of each server and size.
    pub(crate) rounds: usize,
    /// Connections with one message in flight each.
    pub(crate) connections: usize,
    /// Who takes part.
    pub(crate) servers: Vec<Server>,
}

/// Measures, and prints each run, the table and the ratios.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let cores = Cores::choose()?;
    let start = |server: &Server| server.start_on(cores.server);
    let processes = plan.servers.iter().map(start).collect::<Result<Vec<_>>>()?;
    let _pinned = Pinned::to(cores.load)?;
    report::print_head(plan);
    let mut rows = Vec::new();
    for octets in SIZES {
        let mut of_size: Vec<Row> =
            plan.servers.iter().map(|server| Row::new(*server, octets)).collect();
        let task = Task { counted: plan.counted, connections: plan.connections, octets };
        for round in 1..=plan.rounds {
            for (row, process) in of_size.iter_mut().zip(&processes) {
                let run = Run::measure(process, task)?;
                report::print_run(row, round, &run);
                row.add(run);
            }
        }
        rows.append(&mut of_size);
    }
    report::print_table(&rows);
    report::print_ratios(&rows);
    Ok(())
}
