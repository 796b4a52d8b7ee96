//! What was measured, as Markdown.

use std::fmt::Write;

use anyhow::Result;

use super::Measured;
use super::machine::Machine;
use crate::figure::{Certainty, grouped};
use crate::row::{Row, host};
use crate::servers::Server;
use crate::statistics::Samples;

/// Everything that stands between the markers.
pub(super) fn all(machine: &Machine, measured: &Measured<'_>, chart: &str) -> Result<String> {
    let mut text = String::new();
    head(&mut text, machine, measured)?;
    write!(text, "\n![Throughput of each server, ws-host being 1]({chart})\n")?;
    for rows in measured.rows.chunk_by(|one, other| one.workload == other.workload) {
        of_workload(&mut text, rows)?;
    }
    left_out(&mut text, measured)?;
    idle(&mut text, measured)?;
    starts(&mut text, measured)?;
    Ok(text)
}

fn head(text: &mut String, machine: &Machine, measured: &Measured<'_>) -> Result<()> {
    let plan = measured.plan;
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| Measured on | {} |", machine.date)?;
    writeln!(
        text,
        "| Machine | {}, {} cores, {:.0} GiB of memory, {} |",
        cell(&machine.processor),
        machine.cores,
        machine.memory,
        machine.kernel
    )?;
    writeln!(text, "| Command | `{}` |", cell(&machine.command))?;
    writeln!(
        text,
        "| Runs | {} rounds, in each of which the servers take turns; {} s each, after a quarter of \
         that to warm up |",
        plan.rounds,
        plan.counted.as_secs_f64()
    )?;
    for server in &plan.servers {
        writeln!(text, "| `{}` | {} |", server.name(), cell(&server.version()?))?;
    }
    Ok(())
}

fn of_workload(text: &mut String, rows: &[Row]) -> Result<()> {
    let Some(Row { workload, .. }) = rows.first() else {
        return Ok(());
    };
    let (unit, is_round_trip) = (workload.unit(), workload.connections == 1);
    writeln!(text, "\n### {}\n\n{}.\n", workload.name, capitalised(&workload.description()))?;
    let (columns, rules) =
        if is_round_trip { (" p50, µs | p99, µs |", "---:|---:|") } else { ("", "") };
    writeln!(
        text,
        "| Server | {unit}/s | least–most | {unit} per CPU second | ws-host by it | the same per \
         CPU second | full runs |{columns}"
    )?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|{rules}")?;
    let ours = host(rows);
    for row in rows {
        let name = row.server.name();
        if row.runs.is_empty() {
            let failure = cell(row.failure.as_deref().unwrap_or_default());
            writeln!(
                text,
                "| {name} | failed: {failure} | | | | | 0 of 0 |{columns}",
                columns = if is_round_trip { " | |" } else { "" }
            )?;
            continue;
        }
        let ratio = ours.filter(|_| row.server != Server::Host).and_then(|ours| ours.by(row));
        let ratios = ratio.map_or(" | ".to_owned(), |ratio| {
            format!(
                "{}{:.2} | {:.2}",
                ratio.certainty.sign(),
                ratio.per_second,
                ratio.per_cpu_second
            )
        });
        write!(
            text,
            "| {name} | {}{} | {} | {} | {ratios} | {} of {} |",
            row.certainty().sign(),
            grouped(row.per_second().median()),
            spread(&row.per_second()),
            grouped(row.per_cpu_second().median()),
            row.full_runs(),
            row.runs.len()
        )?;
        match row.latency().filter(|_| is_round_trip) {
            Some([p50, p99]) => writeln!(text, " {p50:.0} | {p99:.0} |")?,
            None => writeln!(text)?,
        }
    }
    if rows.iter().any(|row| row.certainty() == Certainty::AtLeast) {
        writeln!(
            text,
            "\n≥: something else than the server was the limit of these runs, and it might do more."
        )?;
    }
    for row in rows.iter().filter(|row| !row.runs.is_empty()) {
        if let Some(failure) = &row.failure {
            writeln!(text, "\n{} failed in a later round: {failure}.", row.server.name())?;
        }
    }
    Ok(())
}

fn left_out(text: &mut String, measured: &Measured<'_>) -> Result<()> {
    for (server, workload) in measured.plan.left_out() {
        writeln!(
            text,
            "\n{} is not in {}: it would have needed {} open files, and a process could have {}.",
            server.name(),
            workload.name,
            grouped(server.files(workload.sockets()) as f64),
            grouped(measured.plan.files as f64)
        )?;
    }
    Ok(())
}

fn idle(text: &mut String, measured: &Measured<'_>) -> Result<()> {
    let Some(first) = measured.idle.first() else {
        return Ok(());
    };
    writeln!(
        text,
        "\n### Memory of an idle connection\n\nBy how much the server's resident memory grows for \
         each of {} connections that have had one echo.\n\n| Server | KiB |\n|---|---:|",
        grouped(first.connections as f64)
    )?;
    for idle in measured.idle {
        writeln!(text, "| {} | {:.1} |", idle.server.name(), idle.octets as f64 / 1024.0)?;
    }
    Ok(())
}

fn starts(text: &mut String, measured: &Measured<'_>) -> Result<()> {
    if measured.starts.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n### From start to first echo\n\nFrom starting the process to the echo, handshake included; \
         ws-host has compiled its component before.\n\n| Server | ms | least–most |\n|---|---:|---:|"
    )?;
    for start in measured.starts {
        let [least, most] = start.milliseconds.spread().unwrap_or_default();
        let (name, median) = (start.server.name(), start.milliseconds.median());
        writeln!(text, "| {name} | {median:.1} | {least:.1}–{most:.1} |")?;
    }
    Ok(())
}

fn spread(samples: &Samples) -> String {
    let [least, most] = samples.spread().unwrap_or_default();
    format!("{}–{}", grouped(least), grouped(most))
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn capitalised(text: &str) -> String {
    // Acronyms are capital already, and all else begins with one letter.
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::idle::Idle;
    use crate::plan::Plan;
    use crate::run::Run;
    use crate::run::tests::FULL_RUN;
    use crate::servers::Given;
    use crate::start::Start;
    use crate::workload::MAIN;

    #[test]
    fn report_has_a_table_for_each_workload_and_marks_lower_bounds() {
        let peer = Server::Given("a.peer=./it".parse::<Given>().unwrap());
        let limited = Run { backlog: 0.9, per_second: 2000.0, ..FULL_RUN };
        let rows = [
            Row { runs: vec![FULL_RUN], ..Row::new(Server::Host, MAIN[0]) },
            Row { runs: vec![limited], ..Row::new(peer.clone(), MAIN[0]) },
            Row { failure: Some("no | echo".into()), ..Row::new(peer.clone(), MAIN[1]) },
        ];
        let plan = Plan {
            counted: Duration::from_secs(2),
            rounds: 1,
            workloads: MAIN.to_vec(),
            servers: vec![peer.clone()],
            files: 1024,
        };
        let idle = [Idle { server: peer.clone(), connections: 5000, octets: 2048 }];
        let starts = [Start { server: peer, milliseconds: [3.0, 5.0, 4.0].into_iter().collect() }];
        let measured = Measured { plan: &plan, rows: &rows, idle: &idle, starts: &starts };
        let machine = Machine {
            date: "2026-01-31".into(),
            processor: "One|Two".into(),
            cores: 2,
            memory: 15.6,
            kernel: "Linux 6.1.0".into(),
            command: "make bench-report".into(),
        };
        let text = all(&machine, &measured, "chart.svg").unwrap();
        for line in [
            "| Machine | One\\|Two, 2 cores, 16 GiB of memory, Linux 6.1.0 |",
            "![Throughput of each server, ws-host being 1](chart.svg)",
            "### echo-20",
            "| ws-host | 1,000 | 1,000–1,000 | 1,010 |  |  | 1 of 1 |",
            "| a.peer | ≥ 2,000 | 2,000–2,000 | 1,010 | ≤ 0.50 | 1.00 | 0 of 1 |",
            "| a.peer | failed: no \\| echo | | | | | 0 of 0 |",
            "| a.peer | 2.0 |",
            "| a.peer | 4.0 | 3.0–5.0 |",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
