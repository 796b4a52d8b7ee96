//! `ws-host check --json`, with the component of each language.

use std::process::Command;

use anyhow::{Result, ensure};
use ws_host_test_support::host_binary;

use super::STARLINGMONKEY;
use crate::build::Components;

super::scenarios! { check_names_the_language, check_advises_only_starlingmonkey_to_take_more_memory }

/// Runs `ws-host check --json` with the echo.
fn check(components: &Components, arguments: &[&str]) -> Result<serde_json::Value> {
    let mut command = Command::new(host_binary());
    let output =
        command.args(["check", "--json"]).args(arguments).arg(&components.echo).output()?;
    let [report, errors] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    ensure!(output.status.success(), "{}: {report}{errors}", output.status);
    Ok(serde_json::from_str(&report)?)
}

fn check_names_the_language(components: &Components) -> Result<()> {
    let report = check(components, &[])?;
    assert_eq!(report["language"], components.language.checked_as);
    assert_eq!(report["is-served"], true);
    Ok(())
}

fn check_advises_only_starlingmonkey_to_take_more_memory(components: &Components) -> Result<()> {
    let advice = check(components, &[])?["advice"].take();
    if STARLINGMONKEY.contains(&components.language.name) {
        let is_about_memory = |it: &str| it.contains("needs a max-memory of 128MiB");
        ensure!(advice[0].as_str().is_some_and(is_about_memory), "{advice}");
        let advice = check(components, &["--max-memory", "128MiB"])?["advice"].take();
        assert_eq!(advice, serde_json::json!([]));
    } else {
        assert_eq!(advice, serde_json::json!([]));
    }
    Ok(())
}
