//! The output of a comparison: a line for each run, a table, and ratios for scripts.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::time::Duration;

use anyhow::Error;

use crate::figure::Certainty;
use crate::plan::Plan;
use crate::row::{Row, host, plain_of};
use crate::run::{Limit, Run};
use crate::servers::Server;

/// Time that a run takes besides its measured time, roughly: to connect, and to wait until the
/// server is idle.
const OVERHEAD: Duration = Duration::from_millis(400);

/// Prints what is left out, what is measured, and how long it will take.
pub(crate) fn print_head(plan: &Plan) {
    for (server, workload) in plan.left_out() {
        println!(
            "left out: {} {}: it needs {} open files, and a process may have {} (ulimit -Hn)",
            server.name(),
            workload.name,
            server.files(workload.sockets()),
            plan.files
        );
    }
    let runs = plan.pairs().count() * plan.rounds;
    let time = (plan.counted.mul_f64(1.25) + OVERHEAD) * u32::try_from(runs).unwrap_or(u32::MAX);
    println!(
        "throughput: {} servers take turns on one core, {} workloads, {} rounds of {} s, about {} \
         minutes",
        plan.servers.len(),
        plan.workloads.len(),
        plan.rounds,
        plan.counted.as_secs_f64(),
        time.as_secs().div_ceil(60)
    );
}

/// Prints a run that has just ended.
pub(crate) fn print_run(row: &Row, round: usize, run: &Run) {
    let (server, workload) = (row.server.name(), row.workload.name);
    let fullness = if run.is_core_full() { "full" } else { "not full" };
    println!(
        "{workload} round {round}  {server:<22} {:>9.0} {}/s  server's core {:>3.0} % ({fullness}), \
         load generator {:>3.0} %, backlog {:>3.0} %",
        run.per_second,
        row.workload.unit(),
        100.0 * run.server_core,
        100.0 * run.busy,
        100.0 * run.backlog
    );
    match run.limit() {
        Limit::AsDemanded => {}
        Limit::Load => {
            println!(
                "warning: {server} {workload} round {round}: the load generator limited this run"
            );
        }
        Limit::Machine => println!(
            "warning: {server} {workload} round {round}: neither the server nor the load generator limited \
             this run; is the machine busy?"
        ),
    }
}

/// Prints why a run failed.
pub(crate) fn print_failure(row: &Row, round: usize, error: &Error) {
    println!(
        "warning: {} {} round {round} failed: {error:#}",
        row.server.name(),
        row.workload.name
    );
}

/// Prints the medians of a workload, each with the minimum and the maximum.
pub(crate) fn print_table(rows: &[Row]) {
    let Some(Row { workload, .. }) = rows.first() else {
        return;
    };
    println!("\n{}: {}", workload.name, workload.description());
    println!(
        "{:<22} {:>30} {:>28} {:>10}",
        "server",
        format!("{}/s", workload.unit()),
        "per CPU second",
        "full runs"
    );
    for row in rows {
        if row.runs.is_empty() {
            println!("{:<22} {:>30}", row.server.name(), "failed");
            continue;
        }
        print!(
            "{:<22} {:>30} {:>28} {:>10}",
            row.server.name(),
            format!("{}{}", row.certainty().sign(), row.per_second()),
            row.per_cpu_second().to_string(),
            format!("{} of {}", row.full_runs(), row.runs.len())
        );
        if let Some([p50, p99]) = row.latency().filter(|_| workload.connections == 1) {
            print!("  p50 {p50:.0} us, p99 {p99:.0} us");
        }
        if let Some(bytes) = row.echo_bytes() {
            print!("  {bytes} bytes per echo");
        }
        println!();
    }
    if rows.iter().any(|row| row.certainty() == Certainty::AtLeast) {
        println!("≥: a lower bound; something other than the server limited these runs");
    }
    println!();
}

/// Prints ws-host's medians divided by those of each peer, and the median of the ratios of the
/// single rounds. Prints nothing without ws-host.
pub(crate) fn print_ratios(rows: &[Row]) {
    let Some(ours) = host(rows) else {
        return;
    };
    for peer in rows.iter().filter(|row| row.server != Server::HOST) {
        let (name, workload) = (peer.server.name(), peer.workload.name);
        if let Some(ratio) = ours.ratio_to(peer) {
            println!("ratio {name} {workload} {:.2}{}", ratio.per_second, ratio.certainty.word());
            println!("cpu-ratio {name} {workload} {:.2}", ratio.per_cpu_second);
        }
        let by_round = ours.ratios_by_round(peer);
        if let Some([from, to]) = by_round.middle_half() {
            let median = by_round.median();
            println!("cpu-ratio-by-round {name} {workload} {median:.2} ({from:.2}-{to:.2})");
        }
    }
    println!();
}

/// Prints the medians of a workload divided by those of the plain one, for each server that ran
/// both.
pub(crate) fn print_plain_ratios(rows: &[Row], all: &[Row]) {
    for row in rows {
        let (name, workload) = (row.server.name(), row.workload.name);
        if let Some(ratio) = plain_of(row, all).and_then(|plain| row.ratio_to(plain)) {
            println!(
                "plain-ratio {name} {workload} {:.2}{}",
                ratio.per_second,
                ratio.certainty.word()
            );
            println!("plain-cpu-ratio {name} {workload} {:.2}", ratio.per_cpu_second);
        }
    }
}
