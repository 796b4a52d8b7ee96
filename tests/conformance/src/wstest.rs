//! `wstest`, the program of the suite.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use ws_host_test_support::root;

use crate::cases::Cases;
use crate::report::Report;

/// A run of the suite in a directory of its own.
pub(crate) struct Run {
    folder: TempDir,
    program: PathBuf,
    cases: Cases,
}

impl Run {
    pub(crate) fn new(cases: &Cases) -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, program: find()?, cases: cases.clone() })
    }

    /// Returns a command that runs the program in a mode. The specification contains the cases and
    /// the settings in `more`.
    pub(crate) fn command(&self, mode: &str, more: Value) -> Result<Command> {
        let mut spec = json!({
            "outdir": self.reports(),
            "cases": self.cases.patterns(),
            "exclude-cases": self.cases.excluded(),
            "exclude-agent-cases": {},
        });
        if let (Value::Object(spec), Value::Object(more)) = (&mut spec, more) {
            spec.extend(more);
        }
        let spec_file = self.folder.path().join("spec.json");
        std::fs::write(&spec_file, spec.to_string())?;
        let mut command = Command::new(&self.program);
        command.args(["-m", mode, "-s"]).arg(spec_file).current_dir(self.folder.path());
        Ok(command)
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Reads the suite's report. `log` is the suite's output, for errors.
    pub(crate) fn report(&self, log: &str) -> Result<Report> {
        // With incompatible libraries, the suite exits successfully without doing anything.
        let index = std::fs::read_to_string(self.reports().join("index.json"))
            .with_context(|| format!("wstest wrote no report; its output:\n{log}"))?;
        Report::from_index(&index)
    }

    fn reports(&self) -> PathBuf {
        self.folder.path().join("reports")
    }
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
            "wstest, the Autobahn TestSuite, is not installed: run `make conformance`, which installs it, or \
             set $WSTEST to its path"
        ),
    }
}
