//! Runs the Autobahn TestSuite against ws-host serving the echo component, and compares every case
//! with `expected.json`.

#![expect(clippy::print_stdout, reason = "a report for people")]

mod report;
mod suite;

use std::process::ExitCode;

use anyhow::Result;
use report::Report;
use ws_host_test_support::{TestServer, root};

/// The suite's largest message; the default limit would refuse it, rightly.
const LARGEST_MESSAGE: &str = "16MiB";

fn main() -> Result<ExitCode> {
    let expected_file = root().join("tests/conformance/expected.json");
    let server = TestServer::with_arguments("echo", &["--max-message", LARGEST_MESSAGE])?;
    let actual = suite::run(server.url())?;
    if std::env::args().nth(1).as_deref() == Some("--record") {
        std::fs::write(&expected_file, actual.to_json()?)?;
        println!("recorded {} cases in {}", actual.len(), expected_file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let expected = Report::from_json(&std::fs::read_to_string(&expected_file)?)?;
    let differences = expected.differences(&actual);
    for difference in &differences {
        println!("{difference}");
    }
    for (outcome, cases) in actual.outcomes() {
        println!("{outcome}: {cases} cases");
    }
    let failed = differences.len();
    println!("{} passed, {failed} failed", expected.len().saturating_sub(failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
