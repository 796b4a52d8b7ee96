//! Tests of a handler as a script in TOML. `ws-host test` runs such scripts.
//!
//! `docs/testing.md` describes the steps.

mod file;
mod keys;
mod pattern;
mod run;
mod step;

use std::path::{Path, PathBuf};

pub use self::file::ScriptError;
pub use self::run::TestFailure;
use self::step::PlacedStep;
use crate::config;

/// The tests in a file.
#[derive(Debug)]
pub struct Script {
    tests: Vec<Test>,
}

/// A test. It has its own host and a list of steps.
#[derive(Debug)]
pub struct Test {
    file: PathBuf,
    line: usize,
    name: String,
    host: config::HostConfig,
    /// The folder to which paths in the steps are relative.
    project: PathBuf,
    steps: Vec<PlacedStep>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] names the file, the line and the key.
    pub fn read(path: &Path) -> Result<Self, ScriptError> {
        file::read(path)
    }

    /// Sets the program that compiles the components, in a separate process and within the limits that a server has
    /// ([`Compile`](config::Compile)). Without this call, components are compiled in this process, without limits.
    #[must_use]
    pub fn compiler(mut self, program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        for test in &mut self.tests {
            test.host.compile.program = Some(program.clone());
        }
        self
    }

    /// Returns the tests in the order of the file.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }
}

impl Test {
    /// Returns the name of the test.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the line on which the test begins, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Runs the test. It gets its own host.
    ///
    /// # Errors
    ///
    /// [`TestFailure`] says which step failed, what it expected and what arrived. It contains the log.
    ///
    /// # Panics
    ///
    /// Panics if it is called inside a tokio runtime, because it starts a runtime for the test.
    pub fn run(&self) -> Result<(), TestFailure> {
        run::run(self)
    }
}
