//! Throughput: server by server in turn, so that a drift of the machine meets all alike.

use anyhow::Result;
use ws_host_test_support::TestServer;

use crate::cores::{Cores, Pinned};
use crate::plan::Plan;
use crate::report;
use crate::row::Row;
use crate::run::Run;
use crate::servers::Server;
use crate::workload::{Role, Workload};

/// Measures, and prints each run, a table and the ratios of each workload. A server that fails is told
/// about, and stands in its row without the runs that are missing.
pub(crate) fn measure(plan: &Plan) -> Result<Vec<Row>> {
    report::print_head(plan);
    // What is not built is noticed now, and not when half of the time is over.
    for (server, workload) in plan.pairs() {
        server.launch(workload.role(), workload.connections)?;
    }
    let cores = Cores::choose()?;
    let mut rows = Vec::new();
    for role in [Role::Echo, Role::Megaphone] {
        let workloads: Vec<_> = plan.of_role(role).collect();
        let mut servers = start_all(plan, &workloads, role, cores)?;
        let _pinned = Pinned::to(cores.load)?;
        for workload in workloads {
            let of_workload = compare(plan, &mut servers, workload)?;
            report::print_table(&of_workload);
            report::print_ratios(&of_workload);
            rows.extend(of_workload);
        }
    }
    Ok(rows)
}

/// A server's process, and what it was started for.
struct Running<'a> {
    server: &'a Server,
    process: TestServer,
    core: usize,
    role: Role,
    clients: usize,
}

fn start_all<'a>(
    plan: &'a Plan,
    workloads: &[Workload],
    role: Role,
    cores: Cores,
) -> Result<Vec<Running<'a>>> {
    let clients = workloads.iter().map(|workload| workload.connections).max().unwrap_or(0);
    let takes_part = |server: &&Server| workloads.iter().any(|workload| plan.has(server, workload));
    let start = |server| Running::start(server, cores.server, role, clients);
    plan.servers.iter().filter(takes_part).map(start).collect()
}

/// The rows of one workload: round by round, and in each round server by server.
fn compare(plan: &Plan, servers: &mut [Running<'_>], workload: Workload) -> Result<Vec<Row>> {
    let mut rows: Vec<_> = servers
        .iter_mut()
        .filter(|running| plan.has(running.server, &workload))
        .map(|running| (Row::new(running.server.clone(), workload), running))
        .collect();
    for round in 1..=plan.rounds {
        for (row, running) in rows.iter_mut().filter(|(row, _)| row.failure.is_none()) {
            match Run::measure(&running.process, workload, plan.counted) {
                Ok(run) => {
                    report::print_run(row, round, &run);
                    row.runs.push(run);
                }
                Err(error) => {
                    report::print_failure(row, round, &error);
                    row.failure = Some(error.to_string());
                    running.restart()?;
                }
            }
        }
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

impl<'a> Running<'a> {
    fn start(server: &'a Server, core: usize, role: Role, clients: usize) -> Result<Self> {
        let process = server.start_on(core, role, clients)?;
        Ok(Self { server, process, core, role, clients })
    }

    /// So that the next workload meets a server to which nothing has happened.
    fn restart(&mut self) -> Result<()> {
        self.process = self.server.start_on(self.core, self.role, self.clients)?;
        Ok(())
    }
}
