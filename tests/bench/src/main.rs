//! Measures ws-host beside its peers: throughput, memory of an idle connection, time from start to the
//! first echo.

mod arguments;
mod builds;
mod certificate;
mod channel;
mod chat;
mod client;
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

use crate::arguments::{Amounts, Args, What};
use crate::document::{Document, Measured};
use crate::row::Row;
use crate::servers::Server;

fn main() -> Result<()> {
    let args = Args::parse();
    let amounts = args.amounts();
    let Amounts { counted, rounds, .. } = amounts;
    match args.what {
        Some(What::Peer { name, role, channel, tls }) => {
            peers::serve(name, role, channel, tls.as_ref())
        }
        Some(What::OnCore { core, command, arguments }) => {
            process::become_on_core(core, &command, &arguments)
        }
        Some(What::Throughput | What::Echo) => all_ran(&compare::measure(&args.plan()?)?),
        Some(What::Idle) => idle::measure(&args.plan()?.servers, amounts.idle).map(drop),
        Some(What::Start) => start::measure(&args.plan()?.servers, amounts.starts).map(drop),
        Some(What::Density) => density::measure(amounts.dense, amounts.sandboxes),
        Some(What::Neighbours) => neighbours::measure(counted, rounds),
        Some(What::Reload) => reload::measure(amounts.reloads),
        Some(What::Workers) => workers::measure(counted, rounds),
        Some(What::Instructions { record: false }) => {
            instructions::measure(instructions::Use::Check)
        }
        Some(What::Instructions { record: true }) => {
            instructions::measure(instructions::Use::Record)
        }
        Some(What::Exercise) => {
            process::raise_open_files()?;
            exercise::exercise(&args.workloads(), counted)
        }
        None => everything(&args, amounts),
    }
}

/// What takes little time comes first, so that what is amiss shows early.
fn everything(args: &Args, amounts: Amounts) -> Result<()> {
    let plan = args.plan()?;
    let has_host = plan.servers.contains(&Server::HOST);
    let document = args.report.as_deref().map(Document::open).transpose()?;
    ensure!(has_host || document.is_none(), "a report is about ws-host: it must take part");
    let starts = start::measure(&plan.servers, amounts.starts)?;
    let idle = idle::measure(&plan.servers, amounts.idle)?;
    if has_host {
        density::measure(amounts.dense, amounts.sandboxes)?;
        neighbours::measure(plan.counted, plan.rounds)?;
        reload::measure(amounts.reloads)?;
        workers::measure(plan.counted, plan.rounds)?;
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
