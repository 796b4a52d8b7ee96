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

/// How many characters of a program's standard error are kept.
const STDERR_TAIL: usize = 300;

/// A program and its arguments. The plan follows them.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<PathBuf>,
    /// Arguments after the plan.
    pub(super) trailing: Vec<String>,
}

/// The results of a client.
#[derive(Debug, Default)]
pub(super) struct Trial {
    pub(super) version: String,
    outcomes: BTreeMap<String, Outcome>,
}

impl Trial {
    /// Creates the results of a client that was skipped.
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

/// A line of a program's output.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Version { version: String },
    Scenario { scenario: String, outcome: Verdict, why: Option<String> },
}

#[derive(Deserialize)]
enum Verdict {
    #[serde(rename = "passed")]
    Passed,
    #[serde(rename = "failed")]
    Failed,
    #[serde(rename = "not applicable")]
    NotApplicable,
    #[serde(rename = "skipped")]
    Skipped,
}

/// Runs a client. If it hangs or exits during a scenario, the scenario has failed, and a new
/// process continues with the next one. `timeout` is how long it may produce no output.
pub(super) fn run(
    invocation: &Invocation,
    scenarios: &[&str],
    plan: &Plan,
    timeout: Duration,
) -> Trial {
    let mut trial = Trial::default();
    let mut left: Vec<&str> = scenarios.to_vec();
    while !left.is_empty() {
        let ended = attempt(invocation, &mut left, plan, timeout, &mut trial);
        // A program reports the scenarios in order, so the first one left is the one it was
        // running.
        if !left.is_empty() {
            let why = ended.unwrap_or_else(|error| format!("{error:#}"));
            trial.set(left.remove(0), Outcome::Failed(why));
        }
    }
    trial
}

/// Runs the program once and returns how it ended. Scenarios that it has reported are removed from
/// `left`.
fn attempt(
    invocation: &Invocation,
    left: &mut Vec<&str>,
    plan: &Plan,
    timeout: Duration,
    trial: &mut Trial,
) -> Result<String> {
    let mut plan = plan.clone();
    plan.scenarios = left.iter().map(|&name| name.to_owned()).collect();
    let stderr = tempfile::tempfile()?;
    let folder = tempfile::tempdir()?;
    // The client is in a process group of its own, so nothing else ends it when the matrix is
    // killed.
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(&invocation.program)
        .args(&invocation.arguments)
        .arg(serde_json::to_string(&plan)?)
        .args(&invocation.trailing)
        // Node and Bun, Deno, and OpenSSL take the authority from these variables.
        .env("NODE_EXTRA_CA_CERTS", &plan.authority)
        .env("DENO_CERT", &plan.authority)
        .env("SSL_CERT_FILE", &plan.authority)
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", invocation.program.display()))?;
    let lines = lines_of(&mut child)?;
    // A program that never stops writing has this long for each scenario.
    let deadline = Instant::now() + timeout * u32::try_from(left.len()).unwrap_or(u32::MAX);
    let has_ended = loop {
        // A program that has reported everything need not exit by itself.
        if left.is_empty() {
            break false;
        }
        let left_time = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(timeout.min(left_time)) {
            Ok(line) => take(&line, left, trial),
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => break false,
        }
    };
    let group = Pid::from_child(&child);
    let status = if has_ended { Some(child.wait()?) } else { None };
    // Also kills the processes that it started. Fails only if all of them have ended.
    let _ = kill_process_group(group, Signal::KILL);
    child.wait()?;
    let tail = stderr_tail(stderr)?;
    Ok(match status {
        Some(status) => format!("the client ended with {status}; {tail}"),
        None => format!("no outcome within {} s; {tail}", timeout.as_secs()),
    })
}

/// Records what a line reports. Any other output is ignored.
fn take(line: &str, left: &mut Vec<&str>, trial: &mut Trial) {
    match serde_json::from_str(line) {
        Ok(Line::Version { version }) => trial.version = version,
        Ok(Line::Scenario { scenario, outcome, why }) => {
            let why = one_line(&why.unwrap_or_default());
            let outcome = match outcome {
                Verdict::Passed => Outcome::Passed,
                Verdict::Failed => Outcome::Failed(why),
                Verdict::NotApplicable => Outcome::NotApplicable(why),
                Verdict::Skipped => Outcome::Skipped(why),
            };
            if let Some(place) = left.iter().position(|name| *name == scenario) {
                left.remove(place);
                trial.set(&scenario, outcome);
            }
        }
        Err(_) => {}
    }
}

/// Returns the lines of a program's output. A thread reads them, so that a silent program can time
/// out.
fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let output = child.stdout.take().context("standard output is not piped")?;
    // More lines than any program has to report. A program that writes more would wait and lose
    // nothing.
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

/// Returns the end of what a program wrote to standard error.
fn stderr_tail(mut stderr: File) -> Result<String> {
    let length = stderr.metadata()?.len();
    stderr.seek(SeekFrom::Start(length.saturating_sub(STDERR_TAIL as u64)))?;
    let mut bytes = Vec::new();
    stderr.read_to_end(&mut bytes)?;
    Ok(one_line(&String::from_utf8_lossy(&bytes)))
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(STDERR_TAIL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any machine takes to start a shell. Only a client that hangs takes this long.
    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Invocation {
        let arguments = ["-c", script].map(PathBuf::from).to_vec();
        Invocation { program: "sh".into(), arguments, trailing: Vec::new() }
    }

    fn failure(trial: &Trial, scenario: &str) -> String {
        match trial.outcome(scenario) {
            Some(Outcome::Failed(why)) => why.clone(),
            other => panic!("{scenario}: {other:?}"),
        }
    }

    #[test]
    fn client_reports_its_version_and_the_outcome_of_each_scenario() {
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
    fn client_that_exits_early_is_restarted_for_the_remaining_scenarios() {
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
        assert!(failure(&trial, "one").starts_with("no outcome within"));
    }

    #[test]
    fn client_that_cannot_be_started_fails_every_scenario() {
        let client = Invocation { program: "/nowhere".into(), ..shell("") };
        let trial = run(&client, &["one", "two"], &Plan::default(), LONG);
        for scenario in ["one", "two"] {
            let why = failure(&trial, scenario);
            assert!(why.contains("/nowhere"), "{why}");
        }
    }
}
