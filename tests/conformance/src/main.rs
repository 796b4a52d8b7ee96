//! Runs the Autobahn TestSuite against ws-host serving the echo component, and against its client.
//! Compares the outcome of every case with `expected.json` and `expected-client.json`.
//!
//! `ws-host-conformance [server | client] [--record] [--some | PATTERN…]`: without a part, both run.
//! `--record` writes the outcomes into the files instead of comparing. Patterns such as `12.*`
//! select cases, and `--some` selects those that continuous integration runs.

#![expect(clippy::print_stdout, reason = "a report for people")]

mod cases;
mod client;
mod report;
mod server;
mod wstest;

use std::process::ExitCode;

use anyhow::{Result, bail};
use cases::Cases;
use report::Report;
use ws_host_test_support::root;

/// An end of the connections, which the suite tests.
struct Part {
    name: &'static str,
    expected_file: &'static str,
    run: fn(&Cases) -> Result<Report>,
}

const PARTS: [Part; 2] = [
    Part { name: "server", expected_file: "expected.json", run: server::run },
    Part { name: "client", expected_file: "expected-client.json", run: client::run },
];

/// The most cases that may have failed because of a disturbance and are run again.
const FEW: usize = 5;

/// What to do with the outcomes.
#[derive(Clone, Copy)]
enum Task {
    Compare,
    Record,
}

fn main() -> Result<ExitCode> {
    let mut task = Task::Compare;
    let mut chosen = Vec::new();
    let mut patterns = Vec::new();
    let mut cases = Cases::all();
    for argument in std::env::args().skip(1) {
        match PARTS.iter().find(|part| part.name == argument) {
            Some(part) => chosen.push(part),
            None if argument == "--record" => task = Task::Record,
            None if argument == "--some" => cases = Cases::some(),
            None if argument.starts_with(|first: char| first.is_ascii_digit()) => {
                patterns.push(argument);
            }
            None => bail!(
                "unknown argument {argument:?}: expected `server`, `client`, `--record`, `--some` or a pattern such as `12.*`"
            ),
        }
    }
    if chosen.is_empty() {
        chosen.extend(&PARTS);
    }
    if !patterns.is_empty() {
        cases = Cases::matching(patterns);
    }
    let (mut passed, mut failed) = (0, 0);
    for (part, outcome) in chosen.iter().zip(perform(&chosen, task, &cases)) {
        match outcome.and_then(|outcome| part.retry(outcome)) {
            Ok(outcome) => {
                passed += outcome.passed;
                failed += outcome.different.len();
            }
            Err(error) => {
                println!("{}: {error:#}", part.name);
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs all parts at the same time. The suite keeps one core busy for each.
fn perform(parts: &[&Part], task: Task, cases: &Cases) -> Vec<Result<Outcome>> {
    std::thread::scope(|scope| {
        let running: Vec<_> =
            parts.iter().map(|part| scope.spawn(|| part.perform(task, cases))).collect();
        let ended = running.into_iter().map(|part| match part.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    })
}

/// The outcomes of the cases.
struct Outcome {
    /// The number of cases with the expected outcome.
    passed: usize,
    /// The numbers of the other cases.
    different: Vec<String>,
}

impl Part {
    fn perform(&self, task: Task, cases: &Cases) -> Result<Outcome> {
        let expected_file = root().join("tests/conformance").join(self.expected_file);
        let actual = (self.run)(cases)?;
        for (behavior, cases) in actual.outcomes() {
            println!("{}: {behavior}: {cases} cases", self.name);
        }
        let mut expected = Report::from_json(&std::fs::read_to_string(&expected_file)?)?;
        if let Task::Record = task {
            let passed = actual.len();
            expected.replace(actual, cases);
            std::fs::write(&expected_file, expected.to_json()?)?;
            println!("{}: recorded in {}", self.name, expected_file.display());
            return Ok(Outcome { passed, different: Vec::new() });
        }
        expected.retain(cases);
        let differences = expected.differences(&actual);
        for (number, difference) in &differences {
            println!("{}: case {number}: {difference}", self.name);
        }
        let passed = expected.len().saturating_sub(differences.len());
        Ok(Outcome { passed, different: differences.into_keys().collect() })
    }

    /// Runs cases with an unexpected outcome once more, with nothing else running, if there are
    /// only a few.
    ///
    /// The suite gives most cases one second, which a busy machine may exceed.
    fn retry(&self, first: Outcome) -> Result<Outcome> {
        if first.different.is_empty() || first.different.len() > FEW {
            return Ok(first);
        }
        println!(
            "{}: running {} again, with nothing else running",
            self.name,
            first.different.join(", ")
        );
        let again = self.perform(Task::Compare, &Cases::matching(first.different))?;
        Ok(Outcome { passed: first.passed + again.passed, ..again })
    }
}
