//! The output of the program: a line for each test, then the failures, then the totals.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use ws_host_testing::script::{ScriptError, TestFailure};

/// The results so far.
pub(super) struct Report {
    passed: usize,
    left_out: usize,
    unusable: usize,
    failures: Vec<(String, TestFailure)>,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { passed: 0, left_out: 0, unusable: 0, failures: Vec::new() }
    }

    pub(super) fn start_script(&self, script: &Path) {
        print(&script.display());
    }

    /// Adds to the number of tests that are filtered out.
    pub(super) fn leave_out(&mut self, tests: usize) {
        self.left_out += tests;
    }

    pub(super) fn end_test(&mut self, name: &str, result: Result<(), TestFailure>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                print(&format_args!("  ok      {name}"));
            }
            Err(failure) => {
                print(&format_args!("  FAILED  {name}"));
                self.failures.push((name.to_owned(), failure));
            }
        }
    }

    pub(super) fn unusable(&mut self, error: &ScriptError) {
        self.unusable += 1;
        print(error);
    }

    /// Prints the failures and the totals. Returns the status of the program.
    pub(super) fn finish(self) -> ExitCode {
        let Self { passed, left_out, unusable, failures } = self;
        for (name, failure) in &failures {
            print(&format_args!("\n{name}\n{failure}"));
        }
        let mut sum = format!("\n{passed} passed, {} failed", failures.len());
        if left_out > 0 {
            sum += &format!(", {left_out} filtered out");
        }
        if unusable > 0 {
            sum += &format!(", {unusable} scripts with errors");
        }
        print(&sum);
        match failures.is_empty() && unusable == 0 && passed > 0 {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

/// Prints a line. A failure is ignored, because a closed standard output does not change the result.
fn print(line: &dyn Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
