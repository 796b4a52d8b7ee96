//! Throughput. The servers take turns, so that changes in the machine's speed affect all of them
//! alike.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use ws_host_test_support::TestServer;

use crate::certificate::Certificate;
use crate::channel::Channel;
use crate::cores::{Cores, Pinned};
use crate::launch::Launch;
use crate::plan::Plan;
use crate::report;
use crate::row::Row;
use crate::run::Run;
use crate::servers::Server;
use crate::workload::{Role, Workload};

/// Measures, and prints each run, then a table and the ratios of each workload.
///
/// A server that fails is reported. Its row lacks the remaining runs.
pub(crate) fn measure(plan: &Plan) -> Result<Vec<Row>> {
    report::print_head(plan);
    // Find out now what is not built, not when half of the time is over.
    for (server, workload) in plan.pairs() {
        server.launch(workload.role(), workload.connections)?;
    }
    let (cores, certificate) = (Cores::choose()?, Certificate::make()?);
    let mut rows = Vec::new();
    for role in [Role::Echo, Role::Megaphone] {
        let workloads: Vec<_> = plan.of_role(role).collect();
        let mut servers = start_all(plan, &workloads, cores, &certificate)?;
        let _pinned = Pinned::to(cores.load)?;
        for family in families(&workloads) {
            let measured = compare(plan, &mut servers, &family, &certificate)?;
            for of_workload in measured.chunk_by(|one, other| one.workload == other.workload) {
                report::print_table(of_workload);
                report::print_ratios(of_workload);
                report::print_plain_ratios(of_workload, &measured);
            }
            rows.extend(measured);
        }
    }
    let position = |row: &Row| plan.workloads.iter().position(|workload| *workload == row.workload);
    rows.sort_by_key(position);
    Ok(rows)
}

/// Groups the workloads that differ only in their channel. They are compared, so they take turns as
/// well.
fn families(workloads: &[Workload]) -> Vec<Vec<Workload>> {
    let mut families: Vec<Vec<Workload>> = Vec::new();
    for workload in workloads {
        match families.iter_mut().find(|family| family[0].plain == workload.plain) {
            Some(family) => family.push(*workload),
            None => families.push(vec![*workload]),
        }
    }
    families
}

/// A running server process, and what it was started with.
struct Running<'a> {
    server: &'a Server,
    channel: Channel,
    process: TestServer,
    launch: Launch,
    core: usize,
}

/// Starts a process for each server and each channel that a workload needs.
fn start_all<'a>(
    plan: &'a Plan,
    workloads: &[Workload],
    cores: Cores,
    certificate: &Certificate,
) -> Result<Vec<Running<'a>>> {
    let channels: BTreeSet<_> = workloads.iter().map(|workload| workload.channel).collect();
    let mut running = Vec::new();
    for channel in channels {
        for server in &plan.servers {
            let asked = workloads
                .iter()
                .filter(|workload| workload.channel == channel && plan.has(server, workload));
            // One process serves all of them in turn, so it must take the most connections.
            let most = asked.max_by_key(|workload| workload.connections);
            if let Some(most) = most {
                let (role, clients) = (most.role(), most.connections);
                let launch = server.launch_over(channel, role, clients, certificate)?;
                running.push(Running::start(server, channel, launch, cores.server)?);
            }
        }
    }
    Ok(running)
}

/// Measures a family of workloads round by round, and in each round server by server. Returns the
/// rows, workload by workload.
fn compare(
    plan: &Plan,
    servers: &mut [Running<'_>],
    family: &[Workload],
    certificate: &Certificate,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for workload in family {
        for (index, running) in servers.iter().enumerate() {
            if running.channel == workload.channel && plan.has(running.server, workload) {
                rows.push((Row::new(running.server.clone(), *workload), index));
            }
        }
    }
    for round in 1..=plan.rounds {
        for (row, index) in rows.iter_mut().filter(|(row, _)| row.failure.is_none()) {
            let running = &mut servers[*index];
            match Run::measure(&running.process, row.workload, certificate, plan.counted) {
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
    fn start(server: &'a Server, channel: Channel, launch: Launch, core: usize) -> Result<Self> {
        let process = server
            .start_on(core, &launch)
            .with_context(|| format!("channel {}", channel.name()))?;
        Ok(Self { server, channel, process, launch, core })
    }

    /// Starts the process again, so that the next workload does not run against a server that has
    /// failed.
    fn restart(&mut self) -> Result<()> {
        self.process = self.server.start_on(self.core, &self.launch)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_of_a_family_are_measured_together_and_in_order() {
        let names: Vec<Vec<_>> = families(&Workload::ALL)
            .iter()
            .map(|family| family.iter().map(|workload| workload.name).collect())
            .collect();
        assert_eq!(names[0], ["echo-20", "tls-20"]);
        assert_eq!(names.concat().len(), Workload::ALL.len());
    }
}
