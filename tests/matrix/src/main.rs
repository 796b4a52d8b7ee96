//! Runs clients and proxies that others wrote against ws-host.
//!
//! `ws-host-matrix [clients | proxies] [--some] [--record] [NAME…]`: one part or both; with `--some` what runs
//! within a few minutes, for the continuous integration; with `--record` the tables are written into
//! `docs/interoperability.md`; with names only those.
//!
//! It ends with the line `N passed, N failed, N skipped`. What is not installed is skipped and said so.

#![expect(clippy::print_stdout, reason = "a report for people")]

mod clients;
mod document;
mod proxies;
mod table;

use std::process::ExitCode;

use anyhow::{Result, bail};
use table::{Extent, Selection, Table};

/// What is tried, and how.
struct Part {
    name: &'static str,
    run: fn(&Selection) -> Result<Table>,
}

const PARTS: [Part; 2] =
    [Part { name: "clients", run: clients::run }, Part { name: "proxies", run: proxies::run }];

/// One scenario may be skipped for so many that pass.
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
            None if argument.starts_with('-') => bail!("there is no flag {argument}"),
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
        bail!("there is no client or proxy of the name {}", selection.names.join(", "));
    }
    // Where little could be installed, nothing is known: that must not look like success.
    let is_told = passed > MOST_SKIPPED * skipped;
    if !is_told {
        println!("FAILED  too little was installed to tell anything");
        failed += 1;
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
