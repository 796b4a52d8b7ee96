//! The suite's clients against our server, which serves the echo component.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use ws_host_test_support::TestServer;

use crate::cases::Cases;
use crate::report::Report;
use crate::wstest::Run;

/// The suite's largest message exceeds the default limit, and compression is off by default.
const FLAGS: [&str; 4] = ["--max-message", "16MiB", "--compression", "context"];

/// Runs the cases against the server.
pub(crate) fn run(cases: &Cases) -> Result<Report> {
    let server = TestServer::with_arguments("echo", &FLAGS)?;
    let run = Run::new(cases)?;
    let servers = json!({ "servers": [{ "agent": "ws-host", "url": server.url() }] });
    let output = run
        .command("fuzzingclient", servers)?
        .output()
        .with_context(|| format!("cannot run {}", run.program().display()))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wstest ended with {}:\n{log}", output.status);
    run.report(&log)
}
