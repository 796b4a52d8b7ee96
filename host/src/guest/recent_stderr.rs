//! The last lines that a guest wrote to its standard error. They often say why it failed.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many lines are kept. A Rust panic writes its location, its message, and a note.
const MAX_LINES: usize = 6;

/// How many characters of a line are kept: more than fit into a close frame.
const MAX_LINE: usize = 128;

/// Marks the line of a Rust panic that gives the location. The message follows.
const PANICKED: &str = " panicked at ";

/// The beginning of the line after the message.
const NOTE: &str = "note: ";

/// The last lines, shared between the stream that adds lines and the store that reads them.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentStderr(Arc<Mutex<VecDeque<String>>>);

impl RecentStderr {
    /// Returns the beginning of a line: at least the part that is kept.
    pub(super) fn beginning(line: &[u8]) -> &[u8] {
        &line[..line.len().min(MAX_LINE * char::MAX_LEN_UTF8)]
    }

    pub(super) fn add(&self, line: &str) {
        let mut lines = self.0.lock();
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(MAX_LINE).collect());
    }

    /// Returns the message of the last panic, or the last line if there was no panic. Empty if nothing was written.
    pub(super) fn get(&self) -> String {
        let lines = self.0.lock();
        let Some(location) = lines.iter().rposition(|line| line.contains(PANICKED)) else {
            return lines.back().cloned().unwrap_or_default();
        };
        let message = lines.iter().skip(location + 1).take_while(|line| !line.starts_with(NOTE));
        message.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_gives_its_message_and_other_output_its_last_line() {
        let stderr = RecentStderr::default();
        assert_eq!(stderr.get(), "");
        for number in 0..10 {
            stderr.add(&format!("line {number}"));
        }
        assert_eq!(stderr.get(), "line 9");
        stderr.add("thread '<unnamed>' (1) panicked at src/lib.rs:14:13:");
        stderr.add("no such room");
        stderr.add("note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace");
        assert_eq!(stderr.get(), "no such room");
    }
}
