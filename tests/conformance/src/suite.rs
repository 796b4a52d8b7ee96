//! Running `wstest`, wherever it is.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use ws_host_test_support::root;

use crate::report::Report;

/// Sections 12 and 13 are about compression, which the host does not offer.
const EXCLUDED: [&str; 2] = ["12.*", "13.*"];

/// Runs every case against the server.
pub(crate) fn run(url: &str) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let spec = json!({
        "outdir": folder.path().join("reports"),
        "servers": [{ "agent": "ws-host", "url": url }],
        "cases": ["*"],
        "exclude-cases": EXCLUDED,
        "exclude-agent-cases": {},
    });
    let spec_file = folder.path().join("spec.json");
    std::fs::write(&spec_file, spec.to_string())?;
    let program = find()?;
    let output = Command::new(&program)
        .args(["-m", "fuzzingclient", "-s"])
        .arg(&spec_file)
        .current_dir(folder.path())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wstest ended with {}:\n{log}", output.status);
    // With unfitting libraries it ends well and has done nothing.
    let index = std::fs::read_to_string(folder.path().join("reports/index.json"))
        .with_context(|| format!("wstest wrote no report; it said:\n{log}"))?;
    Report::from_index(&index)
}

fn find() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("WSTEST") {
        return Ok(given.into());
    }
    let own = root().join(".venv-autobahn/bin/wstest");
    if own.exists() {
        return Ok(own);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&path)
        .map(|folder| folder.join("wstest"))
        .find(|file| file.exists())
    {
        Some(found) => Ok(found),
        None => bail!(
            "there is no wstest, the Autobahn TestSuite: run `make conformance`, which installs it, or \
             give its path in $WSTEST"
        ),
    }
}
