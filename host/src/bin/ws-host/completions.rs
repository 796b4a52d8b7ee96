//! `ws-host completions SHELL`: prints a script that lets a shell complete the commands and flags.

use std::io::Write;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli;

/// Prints a shell script that completes commands and flags (see docs/installing.md)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shell for which to print the script
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
///
/// An error if standard output cannot be written.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    let mut command = cli::Args::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    let script = with_one_name(&String::from_utf8(script).context("the script is not UTF-8")?);
    std::io::stdout()
        .write_all(script.as_bytes())
        .context("cannot write the script to standard output")
}

/// Returns the script, with the program's name spelled the same way in all labels.
///
/// For bash, clap_complete 4.6.11 writes the hyphen in a program's name in two ways. bash then does not complete the
/// flags of subcommands.
fn with_one_name(script: &str) -> String {
    script.replace("ws__subcmd__host", "ws__host")
}
