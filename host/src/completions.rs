//! `ws-host completions SHELL`: prints a script with which a shell completes the commands and flags.

use std::io::Write;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli;

/// Prints a script with which a shell completes commands and flags (see docs/installing.md)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell that reads the script
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
///
/// Standard output cannot be written.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    let mut command = cli::Args::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    std::io::stdout().write_all(&script).context("cannot write the script to standard output")
}
