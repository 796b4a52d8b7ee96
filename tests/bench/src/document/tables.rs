//! The results as Markdown.

use std::fmt::Write;

use anyhow::Result;

use super::machine::Machine;
use super::{Measured, columns};
use crate::channel::Channel;
use crate::figure::{Certainty, grouped};
use crate::row::{Row, host};
use crate::servers::Server;
use crate::statistics::Samples;

/// Returns the text between the markers.
pub(super) fn all(machine: &Machine, measured: &Measured<'_>, chart: &str) -> Result<String> {
    let mut text = String::new();
    head(&mut text, machine, measured)?;
    write!(text, "\n![Throughput of each server relative to ws-host]({chart})\n")?;
    let mut channel = Channel::Plain;
    for rows in measured.rows.chunk_by(|one, other| one.workload == other.workload) {
        let next = rows.first().map_or(channel, |row| row.workload.channel);
        if next != channel {
            writeln!(text, "\n### {}", about(next))?;
            channel = next;
        }
        of_workload(&mut text, rows, measured.rows)?;
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
        "| Runs | {} rounds, in which the servers take turns; each run is measured for {} s, after a \
         quarter of that to warm up |",
        plan.rounds,
        plan.counted.as_secs_f64()
    )?;
    for server in &plan.servers {
        writeln!(text, "| `{}` | {} |", server.name(), cell(&server.version()?))?;
    }
    Ok(())
}

/// Returns the heading and the introduction of the workloads over a channel.
fn about(channel: Channel) -> &'static str {
    match channel {
        Channel::Plain => "TCP\n\nNeither TLS nor compression.",
        Channel::Tls => {
            "TLS\n\nTLS 1.3 with TLS_AES_128_GCM_SHA256. Every server and the load generator use rustls \
             with ring. Servers with another TLS library are left out."
        }
        Channel::Deflate => {
            "Compression\n\nChat messages in JSON, with permessage-deflate and without context takeover. \
             Every server compresses at its default level. A higher level makes shorter echoes and \
             takes more CPU time. The Rust libraries do not support compression."
        }
        Channel::Http2 => {
            "HTTP/2\n\nAll WebSockets are streams of one TCP connection (RFC 8441), without TLS. \
             fastwebsockets runs on hyper. Here its messages pass through hyper; in the other tables they \
             do not."
        }
    }
}

fn of_workload(text: &mut String, rows: &[Row], all: &[Row]) -> Result<()> {
    let Some(Row { workload, .. }) = rows.first() else {
        return Ok(());
    };
    let level = if workload.channel == Channel::Plain { "###" } else { "####" };
    let (unit, titles) = (workload.unit(), columns::titles(workload));
    writeln!(text, "\n{level} {}\n\n{}.\n", workload.name, capitalised(&workload.description()))?;
    let more: String = titles.iter().map(|title| format!(" {title} |")).collect();
    writeln!(
        text,
        "| Server | {unit}/s | min–max | {unit} per CPU second | ws-host vs. it | ws-host vs. it, per \
         CPU second | full runs |{more}"
    )?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|{}", "---:|".repeat(titles.len()))?;
    let ours = host(rows);
    for row in rows {
        let name = row.server.name();
        if row.runs.is_empty() {
            let failure = cell(row.failure.as_deref().unwrap_or_default());
            writeln!(
                text,
                "| {name} | failed: {failure} | | | | | 0 of 0 |{}",
                " |".repeat(titles.len())
            )?;
            continue;
        }
        let ratio = ours.filter(|_| row.server != Server::HOST).and_then(|ours| ours.ratio_to(row));
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
        let more: String =
            columns::cells(row, all).iter().map(|cell| format!(" {cell} |")).collect();
        writeln!(text, "{more}")?;
    }
    if rows.iter().any(|row| row.certainty() == Certainty::AtLeast) {
        writeln!(text, "\n≥: a lower bound. Something other than the server limited these runs.")?;
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
            "\n{} was left out of {}: it needs {} open files, and the limit was {}.",
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
        "\n### Memory of an idle connection\n\nGrowth of the server's resident memory per connection, with \
         {} connections that have each had one echo.\n\n| Server | KiB |\n|---|---:|",
        grouped(first.connections as f64)
    )?;
    for idle in measured.idle {
        writeln!(text, "| {} | {:.1} |", idle.server.name(), idle.bytes as f64 / 1024.0)?;
    }
    Ok(())
}

fn starts(text: &mut String, measured: &Measured<'_>) -> Result<()> {
    if measured.starts.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n### From start to first echo\n\nTime from starting the process to the echo, including the \
         handshake. ws-host has its component in the compilation cache.\n\n\
         | Server | ms | min–max |\n|---|---:|---:|"
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

/// Escapes a text so that it fits one table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn capitalised(text: &str) -> String {
    // Acronyms are already capitalised; everything else begins with a lower-case letter.
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
    use crate::servers::CustomServer;
    use crate::start::Start;
    use crate::workload::{MAIN, Workload};

    #[test]
    fn report_has_a_table_for_each_workload_and_marks_lower_bounds() {
        let peer = Server::Custom("a.peer=./it".parse::<CustomServer>().unwrap());
        let limited = Run { backlog: 0.9, per_second: 2000.0, ..FULL_RUN };
        let half = Run { per_second: 250.0, per_cpu_second: 505.0, ..FULL_RUN };
        let short = Run { echo_bytes: Some(425), ..FULL_RUN };
        let workload = |name| {
            *Workload::ALL.iter().find(|workload: &&Workload| workload.name == name).unwrap()
        };
        let rows = [
            Row { runs: vec![FULL_RUN], ..Row::new(Server::HOST, MAIN[0]) },
            Row { runs: vec![limited], ..Row::new(peer.clone(), MAIN[0]) },
            Row { failure: Some("no | echo".into()), ..Row::new(peer.clone(), MAIN[1]) },
            Row { runs: vec![half], ..Row::new(Server::HOST, workload("tls-20")) },
            Row { runs: vec![short], ..Row::new(Server::HOST, workload("deflate-1KiB")) },
            Row {
                failure: Some("no echo".into()),
                ..Row::new(peer.clone(), workload("deflate-1KiB"))
            },
        ];
        let plan = Plan {
            counted: Duration::from_secs(2),
            rounds: 1,
            workloads: MAIN.to_vec(),
            servers: vec![peer.clone()],
            files: 1024,
        };
        let idle = [Idle { server: peer.clone(), connections: 5000, bytes: 2048 }];
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
            "![Throughput of each server relative to ws-host](chart.svg)",
            "### echo-20",
            "| ws-host | 1,000 | 1,000–1,000 | 1,010 |  |  | 1 of 1 |",
            "| a.peer | ≥ 2,000 | 2,000–2,000 | 1,010 | ≤ 0.50 | 1.00 | 0 of 1 |",
            "| a.peer | failed: no \\| echo | | | | | 0 of 0 |",
            "### TLS",
            "#### tls-20",
            "| ws-host | 250 | 250–250 | 505 |  |  | 1 of 1 | 0.25 | 0.50 |",
            "### Compression",
            "#### deflate-1KiB",
            "| ws-host | 1,000 | 1,000–1,000 | 1,010 |  |  | 1 of 1 |  |  | 425 |",
            "| a.peer | failed: no echo | | | | | 0 of 0 | | | |",
            "| a.peer | 2.0 |",
            "| a.peer | 4.0 | 3.0–5.0 |",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
