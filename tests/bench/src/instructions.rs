//! The number of instructions that the host executes per message. Unlike times, it does not depend
//! on how busy the machine is.
//!
//! The whole binary runs under callgrind and echoes messages through the component, one after the
//! other. Two runs of different length are compared, and their difference is the cost of the
//! messages: reading, unmasking, checking, the call of the guest and its call back, framing,
//! writing. Instructions of the kernel are not counted.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, component, host_binary, root};

use crate::process::end;

/// A kind of message.
struct Case {
    /// Its name in the budget file.
    name: &'static str,
    /// The letter that its text repeats.
    letter: char,
    bytes: usize,
}

/// A short message, a usual one, a long one that fits a single read, and one that is not ASCII.
const CASES: [Case; 4] = [
    Case { name: "20", letter: 'x', bytes: 20 },
    Case { name: "1024", letter: 'x', bytes: 1024 },
    Case { name: "16384", letter: 'x', bytes: 16 * 1024 },
    Case { name: "16384-cyrillic", letter: 'ж', bytes: 16 * 1024 },
];

/// The numbers of messages in the two runs. They differ by enough that clock ticks do not matter.
const FEW: usize = 500;
const MANY: usize = 3000;

/// How far a count may exceed the budget, in per cent. Processors copy memory in different ways,
/// and on a slow machine the clock of the CPU budgets ticks more often during the same run.
const TOLERANCE: u64 = 10;

/// What to do with the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Compare them with the budget.
    Check,
    /// Write them into the budget.
    Record,
}

/// Counts, and fails if a message costs more than its budget.
pub(crate) fn measure(mode: Mode) -> Result<()> {
    let cache = tempfile::tempdir()?;
    // This run fills the cache: the component is compiled for the processor that callgrind
    // emulates.
    count(cache.path(), &CASES[0], 1)?;
    let mut counts = Vec::new();
    for case in CASES {
        let (few, many) = (count(cache.path(), &case, FEW)?, count(cache.path(), &case, MANY)?);
        counts.push((case.name, many.saturating_sub(few) / (MANY - FEW) as u64));
    }
    if mode == Mode::Record {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count));
        let mut budgets = budgets()?;
        budgets.insert(profile().to_owned(), counts.collect());
        std::fs::write(budget_file(), serde_json::to_string_pretty(&budgets)? + "\n")?;
    }
    let budget: Budget = budgets()?.remove(profile()).unwrap_or_default();
    let mut exceeded = 0;
    for (name, count) in &counts {
        let allowed = *budget
            .get(*name)
            .with_context(|| format!("the budget of {} has no entry {name:?}", profile()))?;
        println!("instructions-per-message {name} {count} of {allowed}");
        exceeded += usize::from(count * 100 > allowed * (100 + TOLERANCE));
    }
    ensure!(
        exceeded == 0,
        "{exceeded} of {} kinds of messages cost more instructions than their budget: find out why, or make \
         these counts the new budget (`instructions --record`)",
        counts.len()
    );
    Ok(())
}

/// Instructions by the name of the case.
type Budget = BTreeMap<String, u64>;

/// The folder of cargo's profile, because less optimised code has a budget of its own.
fn profile() -> &'static str {
    let binary = host_binary();
    let is_debug = binary.parent().is_some_and(|folder| folder.ends_with("debug"));
    if is_debug { "debug" } else { "release" }
}

fn budgets() -> Result<BTreeMap<String, Budget>> {
    let text = std::fs::read_to_string(budget_file())
        .with_context(|| format!("cannot read {}", budget_file().display()))?;
    Ok(serde_json::from_str(&text)?)
}

fn budget_file() -> PathBuf {
    root().join("tests/bench/instructions.json")
}

/// Returns the instructions that the host executes from start to exit, echoing `messages` messages.
fn count(cache: &Path, case: &Case, messages: usize) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(host_binary())
        .args(["--listen", "127.0.0.1:0", "--workers", "1", "--no-watch", "--log", "warn"])
        // valgrind shows a processor that does not have all features of the real one, for which another process would
        // compile.
        .arg("--no-compiler-process")
        .arg("--cache")
        .arg(cache)
        .arg("--component")
        .arg(component("echo"));
    let server = TestServer::spawn(command)
        .context("cannot run valgrind: install it with tests/bench/install")?;
    let mut client = Client::connect(&server)?;
    let text = case.letter.to_string().repeat(case.bytes / case.letter.len_utf8());
    for _ in 0..messages {
        ensure!(client.ask(&text)? == text, "an echo differs from the message");
    }
    client.close()?;
    let log = end(server)?.log;
    let collected = log.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = collected.with_context(|| format!("callgrind printed no count: {log}"))?;
    Ok(count.trim().parse()?)
}
