//! `wstest`, the program of the suite, wherever it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use ws_host_test_support::root;

use crate::cases::Cases;
use crate::report::Report;

/// A run of the suite, in a folder of its own.
pub(crate) struct Run {
    folder: TempDir,
    program: PathBuf,
    cases: Cases,
}

impl Run {
    pub(crate) fn new(cases: &Cases) -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, program: find()?, cases: cases.clone() })
    }

    /// The program in a mode, with a specification of the cases, and what the mode asks for beside.
    pub(crate) fn command(&self, mode: &str, more: Value) -> Result<Command> {
        let mut spec = json!({
            "outdir": self.reports(),
            "cases": self.cases.patterns(),
            "exclude-cases": [],
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

    /// What the suite found; `log` is what it said.
    pub(crate) fn report(&self, log: &str) -> Result<Report> {
        // With unfitting libraries it ends well and has done nothing.
        let index = std::fs::read_to_string(self.reports().join("index.json"))
            .with_context(|| format!("wstest wrote no report; it said:\n{log}"))?;
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
            "there is no wstest, the Autobahn TestSuite: run `make conformance`, which installs it, or \
             give its path in $WSTEST"
        ),
    }
}
