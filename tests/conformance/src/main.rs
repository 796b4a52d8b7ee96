//! Runs the Autobahn TestSuite against ws-host serving the echo component, and against its client,
//! and compares every case with `expected.json` and `expected-client.json`.
//!
//! `ws-host-conformance [server | client] [--record] [PATTERN…]`: one part or both; to compare or to
//! write anew; all cases or some, such as `12.*`.

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

/// One end of the connections that the suite tests.
struct Part {
    name: &'static str,
    expected_file: &'static str,
    run: fn(&Cases) -> Result<Report>,
}

const PARTS: [Part; 2] = [
    Part { name: "server", expected_file: "expected.json", run: server::run },
    Part { name: "client", expected_file: "expected-client.json", run: client::run },
];

/// How many cases may have been disturbed by something else than what they test.
const FEW: usize = 5;

/// What to do with the outcome.
#[derive(Clone, Copy)]
enum Task {
    Compare,
    Record,
}

fn main() -> Result<ExitCode> {
    let mut task = Task::Compare;
    let mut chosen = Vec::new();
    let mut patterns = Vec::new();
    for argument in std::env::args().skip(1) {
        match PARTS.iter().find(|part| part.name == argument) {
            Some(part) => chosen.push(part),
            None if argument == "--record" => task = Task::Record,
            None if argument.starts_with(|first: char| first.is_ascii_digit()) => {
                patterns.push(argument);
            }
            None => bail!("{argument:?} is none of `server`, `client`, `--record` and `12.*`"),
        }
    }
    if chosen.is_empty() {
        chosen.extend(&PARTS);
    }
    let cases = Cases::new(patterns);
    let (mut passed, mut failed) = (0, 0);
    for (part, outcome) in chosen.iter().zip(perform(&chosen, task, &cases)) {
        match outcome.and_then(|outcome| part.once_more(outcome)) {
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

/// All parts side by side: the suite keeps one core busy for each.
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

/// What became of the cases.
struct Outcome {
    /// How many were as expected.
    passed: usize,
    /// The numbers of those that were not.
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
        for (number, told) in &differences {
            println!("{}: case {number}: {told}", self.name);
        }
        let passed = expected.len().saturating_sub(differences.len());
        Ok(Outcome { passed, different: differences.into_keys().collect() })
    }

    /// The suite gives most cases a second, which a busy machine does not always have. So a few that are
    /// not as expected are run once more, when nothing else runs.
    fn once_more(&self, first: Outcome) -> Result<Outcome> {
        if first.different.is_empty() || first.different.len() > FEW {
            return Ok(first);
        }
        println!("{}: {} once more, alone", self.name, first.different.join(", "));
        let again = self.perform(Task::Compare, &Cases::new(first.different))?;
        Ok(Outcome { passed: first.passed + again.passed, ..again })
    }
}
