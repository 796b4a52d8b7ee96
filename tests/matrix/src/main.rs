//! Runs third-party clients and proxies against ws-host.
//!
//! `ws-host-matrix [clients | proxies] [--some] [--record] [NAME…]`: one part or both. `--some`
//! runs what takes only a few minutes, for continuous integration. `--record` writes the tables
//! into `docs/interoperability.md`. Names select single clients or proxies.
//!
//! The last line is `N passed, N failed, N skipped`. What is not installed is skipped and reported.

#![expect(clippy::print_stdout, reason = "a report for people")]

mod clients;
mod document;
mod proxies;
mod table;

use std::process::ExitCode;

use anyhow::{Result, bail};
use table::{Extent, Selection, Table};

/// A part of the matrix.
struct Part {
    name: &'static str,
    run: fn(&Selection) -> Result<Table>,
}

const PARTS: [Part; 2] =
    [Part { name: "clients", run: clients::run }, Part { name: "proxies", run: proxies::run }];

/// Passed scenarios that are required for each skipped one.
const MOST_SKIPPED: usize = 4;

fn main() -> Result<ExitCode> {
    let mut chosen = Vec::new();
    let mut selection = Selection { extent: Extent::All, names: Vec::new() };
    let mut record = false;
    for argument in std::env::args().skip(1) {
        match PARTS.iter().find(|part| part.name == argument) {
            Some(part) => chosen.push(part),
            None if argument == "--some" => selection.extent = Extent::Some,
            None if argument == "--record" => record = true,
            None if argument.starts_with('-') => bail!("unknown flag {argument}"),
            None => selection.names.push(argument),
        }
    }
    if chosen.is_empty() {
        chosen.extend(&PARTS);
    }
    let (mut rows, mut passed, mut failed, mut skipped) = (0, 0, 0, 0);
    for part in chosen {
        let table = (part.run)(&selection)?;
        let counts = table.print();
        rows += table.rows.len();
        passed += counts.passed;
        failed += counts.failed;
        skipped += counts.skipped;
        if record {
            document::write(part.name, &table)?;
        }
    }
    if rows == 0 && !selection.names.is_empty() {
        bail!("no client or proxy has the name {}", selection.names.join(", "));
    }
    // If little is installed, a run must not look successful.
    let is_conclusive = passed > MOST_SKIPPED * skipped;
    if !is_conclusive {
        println!("FAILED  too few clients and proxies are installed for a result");
        failed += 1;
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
