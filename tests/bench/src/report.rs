//! The output of the echo: a line for each run, a table, and ratios that a script can read.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use crate::echo::Plan;
use crate::run::{Limit, Run};
use crate::servers::Server;
use crate::statistics::Samples;

/// What one server did with one size of message.
pub(crate) struct Row {
    server: Server,
    octets: usize,
    per_second: Samples,
    per_cpu_second: Samples,
    runs: usize,
    full_runs: usize,
}

impl Row {
    /// A row without runs.
    pub(crate) fn new(server: Server, octets: usize) -> Self {
        let (per_second, per_cpu_second) = (Samples::default(), Samples::default());
        Self { server, octets, per_second, per_cpu_second, runs: 0, full_runs: 0 }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, run: Run) {
        self.per_second.push(run.per_second);
        self.per_cpu_second.push(run.per_cpu_second);
        self.runs += 1;
        self.full_runs += usize::from(run.limit() == Limit::Server);
    }
}

/// Prints what is measured.
pub(crate) fn print_head(plan: &Plan) {
    println!(
        "echo: {} connections with one message in flight each, one core for the server, {} rounds \
         of {} s",
        plan.connections,
        plan.rounds,
        plan.counted.as_secs_f64()
    );
}

/// Prints a run as soon as it is over.
pub(crate) fn print_run(row: &Row, round: usize, run: &Run) {
    let (server, octets) = (row.server.name(), row.octets);
    let fullness = if run.is_core_full() { "full" } else { "not full" };
    println!(
        "round {round}  {server:<22} {octets:>4} octets {:>8.0}/s  server's core {:>3.0} % ({fullness}), \
         backlog {:>3.0} %",
        run.per_second,
        100.0 * run.server_core,
        100.0 * run.backlog
    );
    match run.limit() {
        Limit::Server => {}
        Limit::Load => {
            println!("warning: {server} {octets} round {round}: the load generator was the limit");
        }
        Limit::Machine => println!(
            "warning: {server} {octets} round {round}: the server's core was not full, something \
             else limited this run"
        ),
    }
}

/// Prints medians with the least and the most.
pub(crate) fn print_table(rows: &[Row]) {
    println!(
        "\n{:<22} {:>6} {:>28} {:>28} {:>10}",
        "server", "octets", "messages/s", "messages per CPU second", "full runs"
    );
    for row in rows {
        println!(
            "{:<22} {:>6} {:>28} {:>28} {:>10}",
            row.server.name(),
            row.octets,
            row.per_second.to_string(),
            row.per_cpu_second.to_string(),
            format!("{} of {}", row.full_runs, row.runs)
        );
    }
    println!();
}

/// Prints the median of ws-host by that of each peer, if ws-host took part.
pub(crate) fn print_ratios(rows: &[Row]) {
    for ours in rows.iter().filter(|row| row.server == Server::Host) {
        for peer in rows.iter().filter(|row| row.server != Server::Host) {
            if peer.octets != ours.octets {
                continue;
            }
            let (name, octets) = (peer.server.name(), peer.octets);
            let ratio = ours.per_second.median() / peer.per_second.median();
            let cpu_ratio = ours.per_cpu_second.median() / peer.per_cpu_second.median();
            println!("ratio {name} {octets} {ratio:.2}");
            println!("cpu-ratio {name} {octets} {cpu_ratio:.2}");
        }
    }
}
