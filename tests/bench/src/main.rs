//! Compares ws-host with other servers: throughput, memory of an idle connection, time from start
//! to the first echo.

mod arguments;
mod builds;
mod certificate;
mod channel;
mod chat;
mod client;
mod cluster;
mod compare;
mod compressed;
mod cores;
mod density;
mod document;
mod exercise;
mod figure;
mod idle;
mod instructions;
mod launch;
mod load;
mod lockfile;
mod message;
mod neighbours;
mod peers;
mod plan;
mod process;
mod reload;
mod report;
mod row;
mod run;
mod runtimes;
mod selection;
mod servers;
mod start;
mod statistics;
mod workers;
mod workload;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::arguments::{Action, Amounts, Args};
use crate::document::{Document, Measured};
use crate::row::Row;
use crate::servers::Server;

fn main() -> Result<()> {
    let args = Args::parse();
    let amounts = args.amounts();
    let Amounts { counted, rounds, .. } = amounts;
    match args.action {
        Some(Action::Peer { name, role, channel, tls }) => {
            peers::serve(name, role, channel, tls.as_ref())
        }
        Some(Action::OnCore { core, command, arguments }) => {
            process::become_on_core(core, &command, &arguments)
        }
        Some(Action::Throughput | Action::Echo) => all_ran(&compare::measure(&args.plan()?)?),
        Some(Action::Idle) => idle::measure(&args.plan()?.servers, amounts.idle).map(drop),
        Some(Action::Start) => start::measure(&args.plan()?.servers, amounts.starts).map(drop),
        Some(Action::Density) => density::measure(amounts.dense, amounts.sandboxes),
        Some(Action::Neighbours) => neighbours::measure(counted, rounds),
        Some(Action::Reload) => reload::measure(amounts.reloads),
        Some(Action::Cluster) => cluster::measure(counted, rounds, amounts.cluster),
        Some(Action::Workers) => workers::measure(counted, rounds),
        Some(Action::Instructions { record: false }) => {
            instructions::measure(instructions::Mode::Check)
        }
        Some(Action::Instructions { record: true }) => {
            instructions::measure(instructions::Mode::Record)
        }
        Some(Action::Exercise) => {
            process::raise_open_files()?;
            exercise::exercise(&args.workloads(), counted)
        }
        None => measure_all(&args, amounts),
    }
}

/// Runs every measurement. The short ones come first, so that problems show up early.
fn measure_all(args: &Args, amounts: Amounts) -> Result<()> {
    let plan = args.plan()?;
    let has_host = plan.servers.contains(&Server::HOST);
    let document = args.report.as_deref().map(Document::open).transpose()?;
    ensure!(
        has_host || document.is_none(),
        "a report needs ws-host: do not leave it out with --only"
    );
    let starts = start::measure(&plan.servers, amounts.starts)?;
    let idle = idle::measure(&plan.servers, amounts.idle)?;
    if has_host {
        density::measure(amounts.dense, amounts.sandboxes)?;
        neighbours::measure(plan.counted, plan.rounds)?;
        reload::measure(amounts.reloads)?;
        workers::measure(plan.counted, plan.rounds)?;
        cluster::measure_if_installed(plan.counted, plan.rounds, amounts.cluster)?;
    }
    let rows = compare::measure(&plan)?;
    if let Some(document) = document {
        document.write(&Measured { plan: &plan, rows: &rows, idle: &idle, starts: &starts })?;
    }
    all_ran(&rows)
}

fn all_ran(rows: &[Row]) -> Result<()> {
    let failed: Vec<_> = rows
        .iter()
        .filter(|row| row.failure.is_some())
        .map(|row| format!("{} {}", row.server.name(), row.workload.name))
        .collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}
