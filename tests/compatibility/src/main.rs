//! Whether the contract has only grown since its last release: `check-growth RELEASED NOW`, two folders of WIT files.

#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

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
