//! Tests of what may not be installed.

use std::process::Command;

use anyhow::{Result, ensure};

/// If this variable is set, as in `make ci`, what is missing is an error.
const NOTHING_MAY_BE_SKIPPED: &str = "NOTHING_MAY_BE_SKIPPED";

/// Reports that a test is skipped, and why.
///
/// # Errors
///
/// An error if nothing may be skipped.
#[expect(clippy::print_stderr, reason = "a test has no other way to say that it was skipped")]
pub fn skip(why: &str) -> Result<()> {
    ensure!(std::env::var_os(NOTHING_MAY_BE_SKIPPED).is_none(), "{why}");
    eprintln!("SKIPPED: {why}");
    Ok(())
}

/// Returns whether a program can be run here. If not, what needs it is [skipped](skip).
///
/// # Errors
///
/// An error if the program is missing, and nothing may be skipped.
pub fn is_installed(program: &str) -> Result<bool> {
    let is_installed = Command::new(program).arg("--version").output().is_ok();
    if !is_installed {
        skip(&format!(
            "there is no {program}: tests/clients/install or tests/matrix/install installs it"
        ))?;
    }
    Ok(is_installed)
}
