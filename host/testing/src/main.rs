//! The program `ws-host-test`, which `ws-host test` starts: it runs the scripts of a project.

mod program;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::program::Args;

fn main() -> ExitCode {
    program::run(&Args::parse()).unwrap_or_else(|error| {
        // If standard error is closed, there is no way left to report the error.
        let _ = writeln!(std::io::stderr(), "ws-host: {error:#}");
        ExitCode::FAILURE
    })
}
