//! A run of a client's program.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use super::server::Plan;
use crate::table::Outcome;

/// How much is kept of what a program complains of.
const COMPLAINT: usize = 300;

/// A program and its arguments; the plan follows as the last one.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<PathBuf>,
    /// What follows the plan.
    pub(super) behind: Vec<String>,
}

/// What came of a client.
#[derive(Debug, Default)]
pub(super) struct Trial {
    pub(super) version: String,
    outcomes: BTreeMap<String, Outcome>,
}

impl Trial {
    /// One that did not take place.
    pub(super) fn skipped(scenarios: &[&str], why: &str) -> Self {
        let outcome = |name: &&str| ((*name).to_owned(), Outcome::Skipped(why.to_owned()));
        Self { version: String::new(), outcomes: scenarios.iter().map(outcome).collect() }
    }

    pub(super) fn outcome(&self, scenario: &str) -> Option<&Outcome> {
        self.outcomes.get(scenario)
    }

    pub(super) fn set(&mut self, scenario: &str, outcome: Outcome) {
        self.outcomes.insert(scenario.to_owned(), outcome);
    }
}

/// A line that a program writes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Version { version: String },
    Scenario { scenario: String, outcome: Word, why: Option<String> },
}

#[derive(Deserialize)]
enum Word {
    #[serde(rename = "passed")]
    Passed,
    #[serde(rename = "failed")]
    Failed,
    #[serde(rename = "not applicable")]
    NotApplicable,
    #[serde(rename = "skipped")]
    Skipped,
}

/// Runs a client. A scenario in which it hangs or dies has failed, and the next ones are tried by a new
/// process. `patience` is how long it may say nothing.
pub(super) fn run(
    invocation: &Invocation,
    scenarios: &[&str],
    plan: &Plan,
    patience: Duration,
) -> Trial {
    let mut trial = Trial::default();
    let mut left: Vec<&str> = scenarios.to_vec();
    while !left.is_empty() {
        let ended = attempt(invocation, &mut left, plan, patience, &mut trial);
        // Whatever it was busy with: a program tells of the scenarios in their order.
        if !left.is_empty() {
            let why = ended.unwrap_or_else(|error| format!("{error:#}"));
            trial.set(left.remove(0), Outcome::Failed(why));
        }
    }
    trial
}

/// Runs the program once, and says how it ended. What it has told of is no longer `left`.
fn attempt(
    invocation: &Invocation,
    left: &mut Vec<&str>,
    plan: &Plan,
    patience: Duration,
    trial: &mut Trial,
) -> Result<String> {
    let mut plan = plan.clone();
    plan.scenarios = left.iter().map(|&name| name.to_owned()).collect();
    let complaints = tempfile::tempfile()?;
    let folder = tempfile::tempdir()?;
    // It ends when the matrix is killed: nobody else would end it, as it is in a process group of its own.
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(&invocation.program)
        .args(&invocation.arguments)
        .arg(serde_json::to_string(&plan)?)
        .args(&invocation.behind)
        // Clients that are given no authority otherwise: node and Bun, Deno, OpenSSL.
        .env("NODE_EXTRA_CA_CERTS", &plan.authority)
        .env("DENO_CERT", &plan.authority)
        .env("SSL_CERT_FILE", &plan.authority)
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(complaints.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", invocation.program.display()))?;
    let lines = lines_of(&mut child)?;
    // One that chatters for ever has this long for each scenario.
    let deadline = Instant::now() + patience * u32::try_from(left.len()).unwrap_or(u32::MAX);
    let has_ended = loop {
        // One that has told everything need not end by itself.
        if left.is_empty() {
            break false;
        }
        let left_time = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(patience.min(left_time)) {
            Ok(line) => take(&line, left, trial),
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => break false,
        }
    };
    let group = Pid::from_child(&child);
    let status = if has_ended { Some(child.wait()?) } else { None };
    // What it has started, too. Fails only if all of them have ended.
    let _ = kill_process_group(group, Signal::KILL);
    child.wait()?;
    let complaint = last_words(complaints)?;
    Ok(match status {
        Some(status) => format!("the client ended with {status}; {complaint}"),
        None => format!("nothing came of it in {} s; {complaint}", patience.as_secs()),
    })
}

/// Notes what a line tells. What is no line for us is a client's own chatter.
fn take(line: &str, left: &mut Vec<&str>, trial: &mut Trial) {
    match serde_json::from_str(line) {
        Ok(Line::Version { version }) => trial.version = version,
        Ok(Line::Scenario { scenario, outcome, why }) => {
            let why = one_line(&why.unwrap_or_default());
            let outcome = match outcome {
                Word::Passed => Outcome::Passed,
                Word::Failed => Outcome::Failed(why),
                Word::NotApplicable => Outcome::NotApplicable(why),
                Word::Skipped => Outcome::Skipped(why),
            };
            if let Some(place) = left.iter().position(|name| *name == scenario) {
                left.remove(place);
                trial.set(&scenario, outcome);
            }
        }
        Err(_) => {}
    }
}

/// What the program writes, read in a thread of its own so that its silence can be noticed.
fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let output = child.stdout.take().context("standard output is piped")?;
    // More than any program has to tell; it would wait, and lose nothing.
    let (sender, lines) = sync_channel(64);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok(lines)
}

/// The end of what a program wrote to standard error.
fn last_words(mut complaints: File) -> Result<String> {
    let length = complaints.metadata()?.len();
    complaints.seek(SeekFrom::Start(length.saturating_sub(COMPLAINT as u64)))?;
    let mut octets = Vec::new();
    complaints.read_to_end(&mut octets)?;
    Ok(one_line(&String::from_utf8_lossy(&octets)))
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(COMPLAINT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than any machine takes to start a shell. Only a client that hangs is waited for so long.
    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Invocation {
        let arguments = ["-c", script].map(PathBuf::from).to_vec();
        Invocation { program: "sh".into(), arguments, behind: Vec::new() }
    }

    fn failure(trial: &Trial, scenario: &str) -> String {
        match trial.outcome(scenario) {
            Some(Outcome::Failed(why)) => why.clone(),
            other => panic!("{scenario}: {other:?}"),
        }
    }

    #[test]
    fn client_tells_its_version_and_what_came_of_each_scenario() {
        let client = shell(
            r#"echo '{"version": "1.2"}'; echo chatter
            echo '{"scenario": "one", "outcome": "passed", "why": ""}'
            echo '{"scenario": "two", "outcome": "not applicable", "why": "by   design"}'"#,
        );
        let trial = run(&client, &["one", "two"], &Plan::default(), LONG);
        assert_eq!(trial.version, "1.2");
        assert_eq!(trial.outcome("one"), Some(&Outcome::Passed));
        assert_eq!(trial.outcome("two"), Some(&Outcome::NotApplicable("by design".to_owned())));
    }

    #[test]
    fn client_that_dies_is_started_again_for_what_is_left() {
        let client = shell(
            r#"case $0 in *'["one","two"]'*) echo why >&2; exit 3;; esac
            echo '{"scenario": "two", "outcome": "passed"}'"#,
        );
        let trial = run(&client, &["one", "two"], &Plan::default(), LONG);
        let why = failure(&trial, "one");
        assert!(why.contains("exit status: 3; why"), "{why}");
        assert_eq!(trial.outcome("two"), Some(&Outcome::Passed));
    }

    #[test]
    fn client_that_hangs_is_killed() {
        let client = shell("exec tail -f /dev/null");
        let trial = run(&client, &["one"], &Plan::default(), Duration::from_millis(100));
        assert!(failure(&trial, "one").starts_with("nothing came of it"));
    }

    #[test]
    fn client_that_cannot_be_started_has_failed_everything() {
        let client = Invocation { program: "/nowhere".into(), ..shell("") };
        let trial = run(&client, &["one", "two"], &Plan::default(), LONG);
        for scenario in ["one", "two"] {
            let why = failure(&trial, scenario);
            assert!(why.contains("/nowhere"), "{why}");
        }
    }
}
