//! A process that runs on while the reader watches it and types into it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long an expected line may take. Builds are part of it. Only failing tests wait this long.
const DEADLINE: Duration = Duration::from_secs(300);

/// More lines than any command of a page prints. A command that prints more waits, which shows at once.
const MAX_LINES: usize = 1 << 16;

/// A running command. Dropping it kills everything that the command has started.
pub(super) struct Terminal {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
    /// Lines that have come, but were not expected yet.
    unread: Vec<String>,
    /// Lines that have been read, for error messages.
    read: String,
}

impl Terminal {
    /// Starts a command whose standard output and error are one stream.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = piped.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let pipe = child.stdout.take().context("standard output is piped")?;
        let (sender, output) = sync_channel(MAX_LINES);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line.trim_end().to_owned()).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take().context("standard input is piped")?;
        Ok(Self { child, input, output, unread: Vec::new(), read: String::new() })
    }

    /// Waits for a line that satisfies `is_last`. Returns all lines up to it, which stay unread.
    ///
    /// # Errors
    ///
    /// It ended, or its first build failed.
    pub(super) fn wait_for(&mut self, is_last: impl Fn(&str) -> bool) -> Result<&[String]> {
        while !self.unread.last().is_some_and(|line| is_last(line)) {
            let line = self.output.recv_timeout(DEADLINE);
            let line =
                line.with_context(|| format!("it does not serve:\n{}", self.unread.join("\n")))?;
            ensure!(!line.starts_with("ws-host: build failed"), "{}", self.unread.join("\n"));
            self.unread.push(line);
        }
        Ok(&self.unread)
    }

    fn next(&mut self) -> Option<String> {
        let line = if self.unread.is_empty() {
            self.output.recv_timeout(DEADLINE).ok()?
        } else {
            self.unread.remove(0)
        };
        self.read += &line;
        self.read += "\n";
        Some(line)
    }

    /// Expects a line of output, next.
    pub(super) fn expect_next(&mut self, pattern: &str) -> Result<()> {
        let line = self.next();
        let is_expected = line.is_some_and(|line| matches(pattern, &line));
        ensure!(
            is_expected,
            "expected:\n{pattern}\nprinted so far, with the next line:\n{}",
            self.read
        );
        Ok(())
    }

    /// Expects a line of output, after any others.
    pub(super) fn expect(&mut self, pattern: &str) -> Result<()> {
        while let Some(line) = self.next() {
            if matches(pattern, &line) {
                return Ok(());
            }
        }
        bail!("expected:\n{pattern}\nprinted:\n{}", self.read)
    }

    /// Types a line.
    pub(super) fn enter(&mut self, line: &str) -> Result<()> {
        Ok(self.input.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Presses Ctrl-C.
    pub(super) fn interrupt(&self) -> Result<()> {
        Ok(kill_process_group(Pid::from_child(&self.child), Signal::INT)?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Fails only if everything has exited already.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Returns whether a line is what a page shows, in which `…` stands for anything.
pub(super) fn matches(pattern: &str, line: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else {
        return pattern == line;
    };
    let Some(line) = line.strip_prefix(first) else {
        return false;
    };
    line.char_indices().any(|(at, _)| matches(rest, &line[at..])) || matches(rest, "")
}

#[test]
fn dots_stand_for_anything() {
    for (pattern, line) in [("a", "a"), ("a…c", "abc"), ("a…c", "ac"), ("…", ""), ("a…b…", "axbyb")]
    {
        assert!(matches(pattern, line), "{pattern} {line}");
    }
    for (pattern, line) in [("a", "ab"), ("a…c", "abcd"), ("a…b…c", "acb")] {
        assert!(!matches(pattern, line), "{pattern} {line}");
    }
}
