//! Checks that the contract has only been extended since its last release: `check-growth RELEASED NOW`, two directories
//! of WIT files.

#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use ws_host_compatibility::{Surface, broken, closed_types};

fn main() -> Result<ExitCode> {
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let mut next = || folders.next().context("usage: check-growth RELEASED NOW");
    let (released, now) = (Surface::read(&next()?)?, Surface::read(&next()?)?);
    let faults = [broken(&released, &now), closed_types(&now)].concat();
    for fault in &faults {
        println!("wit: {fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
