//! `ws-host test`: starts `ws-host-test`, which runs the scripts of a project.
//!
//! `ws-host-test` is a separate program, because the host for tests needs tokio's feature `test-util`. The feature
//! makes each message more expensive.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result, anyhow};

/// The program that runs the scripts.
const PROGRAM: &str = "ws-host-test";

/// Tests a handler with scripts, which list what clients send and what they expect
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Scripts and options (see `ws-host test --help`)
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs [`PROGRAM`] from the folder that contains this program, or else from `PATH`. Returns its status.
///
/// # Errors
///
/// An error if there is no such program. The error says how to get the program.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let beside = std::env::current_exe().ok().and_then(|program| beside(&program));
    let program = beside.unwrap_or_else(|| PROGRAM.into());
    let status = Command::new(&program).args(&args.arguments).status();
    match status {
        Ok(status) => Ok(code(status)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(anyhow!(
            "there is no program {PROGRAM} beside ws-host or in PATH: the archive and the Debian package of ws-host have \
             both programs. Put it beside ws-host, or build it in the repository of ws-host with `cargo build --release \
             -p ws-host-testing`"
        )),
        Err(error) => Err(error).with_context(|| format!("cannot run {}", program.display())),
    }
}

fn beside(program: &Path) -> Option<PathBuf> {
    let program = program.parent()?.join(PROGRAM);
    program.is_file().then_some(program)
}

/// Returns the status as a shell reports it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
