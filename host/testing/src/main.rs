//! The program `ws-host-test`, which runs the scripts of a project. `ws-host test` starts it.

mod program;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::program::Args;

fn main() -> ExitCode {
    // If this process was started to compile a component, it does only that.
    if let Some(status) = ws_host::run_as_compiler() {
        return status;
    }
    program::run(&Args::parse()).unwrap_or_else(|error| {
        // If standard error is closed, the error cannot be reported anywhere.
        let _ = writeln!(std::io::stderr(), "ws-host: {error:#}");
        ExitCode::FAILURE
    })
}
