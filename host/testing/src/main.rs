//! The program `ws-host-test`, which `ws-host test` starts: it runs the scripts of a project.

mod program;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::program::Args;

fn main() -> ExitCode {
    // A component is compiled in a process of its own, which is this program again.
    if let Some(status) = ws_host::run_as_compiler() {
        return status;
    }
    program::run(&Args::parse()).unwrap_or_else(|error| {
        // If standard error is closed, there is no way left to report the error.
        let _ = writeln!(std::io::stderr(), "ws-host: {error:#}");
        ExitCode::FAILURE
    })
}
