//! Runs the scripts of a project.

mod args;
mod find;
mod report;

use std::process::ExitCode;

use anyhow::Result;
use ws_host_testing::script::Script;

pub(crate) use self::args::Args;
use self::report::Report;

/// The path to this program as it was started, even if its file has been replaced since. The tests use the program to
/// compile components.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Runs the scripts, one test after the other. Fails if a test fails, or if a script cannot be used.
///
/// # Errors
///
/// An error if there are no scripts.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut report = Report::new();
    for path in find::scripts(&args.scripts)? {
        match Script::read(&path) {
            Ok(script) => {
                let script = script.compiler(THIS_PROGRAM);
                let is_wanted = |name: &str| args.filter.iter().all(|part| name.contains(part));
                let (wanted, others): (Vec<_>, Vec<_>) =
                    script.tests().iter().partition(|test| is_wanted(test.name()));
                report.leave_out(others.len());
                if wanted.is_empty() {
                    continue;
                }
                report.start_script(&path);
                for test in wanted {
                    report.end_test(test.name(), test.run());
                }
            }
            Err(error) => report.unusable(&error),
        }
    }
    Ok(report.finish())
}
