//! `ws-host check --json`, with the component of each language.

use std::process::Command;

use anyhow::{Result, ensure};
use ws_host_test_support::host_binary;

use crate::build::Components;

super::scenarios! { check_names_the_language }

fn check_names_the_language(components: &Components) -> Result<()> {
    let output =
        Command::new(host_binary()).args(["check", "--json"]).arg(&components.echo).output()?;
    let [report, errors] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    ensure!(output.status.success(), "{}: {report}{errors}", output.status);
    let report: serde_json::Value = serde_json::from_str(&report)?;
    assert_eq!(report["language"], components.language.checked_as);
    assert_eq!(report["is-served"], true);
    Ok(())
}
