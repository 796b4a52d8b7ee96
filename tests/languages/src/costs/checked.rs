//! What `ws-host check` says of a component.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use serde::Deserialize;
use ws_host_test_support::host_binary;

/// The costs in the output of `ws-host check --json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Checked {
    /// With an empty cache.
    pub(super) first_load_seconds: f64,
    pub(super) cached_load_seconds: f64,
    /// The bytes that count against `max-memory`.
    pub(super) instance_memory: u64,
}

#[derive(Deserialize)]
struct Report {
    cost: Checked,
}

impl Checked {
    /// Checks a component.
    pub(super) fn of(component: &Path) -> Result<Self> {
        let mut command = Command::new(host_binary());
        let output = command.args(["check", "--json"]).arg(component).output()?;
        let report = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{command:?}: {}: {report}", output.status);
        Ok(serde_json::from_str::<Report>(&report)?.cost)
    }
}
