//! How many instructions a message costs the host: counted, and so the same on a busy machine as on a
//! quiet one.
//!
//! The whole binary runs under callgrind and echoes through the component, one message after the other.
//! What two runs of different length differ by is what the messages cost: reading, unmasking, checking,
//! the call of the guest and its call back, framing, writing. Instructions of the kernel are not counted.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, component, host_binary, root};

use crate::process::end;

/// Messages that are counted.
struct Case {
    /// In the file of budgets.
    name: &'static str,
    /// What its text repeats.
    letter: char,
    octets: usize,
}

/// One that fits anywhere, a usual one, a long one in a single read, and one that is not ASCII.
const CASES: [Case; 4] = [
    Case { name: "20", letter: 'x', octets: 20 },
    Case { name: "1024", letter: 'x', octets: 1024 },
    Case { name: "16384", letter: 'x', octets: 16 * 1024 },
    Case { name: "16384-cyrillic", letter: 'ж', octets: 16 * 1024 },
];

/// Messages of the two runs. Between them lies enough that ticks of a clock do not count.
const FEW: usize = 500;
const MANY: usize = 3000;

/// How far a count may lie above what is committed, in per cent: processors differ in how they copy, and
/// on a slow machine the clock of CPU budgets ticks more often in the same run.
const TOLERANCE: u64 = 10;

/// What becomes of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// They are held against the budget.
    Check,
    /// They become the budget.
    Record,
}

/// Counts, and fails if a message costs more than its budget.
pub(crate) fn measure(what_for: Use) -> Result<()> {
    let cache = tempfile::tempdir()?;
    // The component is compiled for the processor that callgrind shows.
    count(cache.path(), &CASES[0], 1)?;
    let mut counts = Vec::new();
    for case in CASES {
        let (few, many) = (count(cache.path(), &case, FEW)?, count(cache.path(), &case, MANY)?);
        counts.push((case.name, many.saturating_sub(few) / (MANY - FEW) as u64));
    }
    if what_for == Use::Record {
        let budget: BTreeMap<_, _> = counts.iter().copied().collect();
        std::fs::write(budget_file(), serde_json::to_string_pretty(&budget)? + "\n")?;
    }
    let budget = std::fs::read_to_string(budget_file()).context("the budget")?;
    let budget: BTreeMap<String, u64> = serde_json::from_str(&budget)?;
    let mut exceeded = 0;
    for (name, count) in &counts {
        let allowed = *budget.get(*name).context("a budget for each message")?;
        println!("instructions-per-message {name} {count} of {allowed}");
        exceeded += usize::from(count * 100 > allowed * (100 + TOLERANCE));
    }
    ensure!(
        exceeded == 0,
        "{exceeded} of {} messages cost more instructions than their budget: find out why, or record \
         what they cost now (`instructions --record`)",
        counts.len()
    );
    Ok(())
}

fn budget_file() -> PathBuf {
    root().join("tests/bench/instructions.json")
}

/// Instructions of a host that echoes so many messages, from its start to its end.
fn count(cache: &Path, case: &Case, messages: usize) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(host_binary())
        .args(["--listen", "127.0.0.1:0", "--workers", "1", "--no-watch", "--log", "warn"])
        .arg("--cache")
        .arg(cache)
        .arg("--component")
        .arg(component("echo"));
    let server = TestServer::spawn(command).context("valgrind counts: is it installed?")?;
    let mut client = Client::connect(&server)?;
    let text = case.letter.to_string().repeat(case.octets / case.letter.len_utf8());
    for _ in 0..messages {
        ensure!(client.ask(&text)? == text, "an echo is not what was sent");
    }
    client.close()?;
    let log = end(server)?.log;
    let told = log.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = told.with_context(|| format!("no count in: {log}"))?;
    Ok(count.trim().parse()?)
}
