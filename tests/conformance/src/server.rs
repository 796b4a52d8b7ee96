//! The suite's clients against our server, which runs the echo component.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use ws_host_test_support::TestServer;

use crate::cases::Cases;
use crate::report::Report;
use crate::wstest::{Excluded, Run};

/// The suite's largest message; the default limit would refuse it, rightly.
const LARGEST_MESSAGE: &str = "16MiB";

/// Runs the cases against the server but those of compression, which the host does not offer.
pub(crate) fn run(cases: &Cases) -> Result<Report> {
    let server = TestServer::with_arguments("echo", &["--max-message", LARGEST_MESSAGE])?;
    let run = Run::new(cases)?;
    let servers = json!({ "servers": [{ "agent": "ws-host", "url": server.url() }] });
    let output = run
        .command("fuzzingclient", Excluded::Compression, servers)?
        .output()
        .with_context(|| format!("cannot run {}", run.program().display()))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wstest ended with {}:\n{log}", output.status);
    run.report(&log)
}
