//! What a guest wrote to its standard error before it ended: why, perhaps.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

/// Lines that are kept: a panic of Rust says where, what, and a note.
const KEPT: usize = 6;

/// Characters that are kept of a line: more than a close frame has room for.
const MAX_LINE: usize = 128;

/// The line of a Rust panic that says where; what it says follows.
const PANICKED: &str = " panicked at ";

/// The line behind it.
const NOTE: &str = "note: ";

/// The last lines, shared between the stream and whoever asks.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentStderr(Arc<Mutex<VecDeque<String>>>);

impl RecentStderr {
    /// So much of a line as can be kept of it.
    pub(super) fn beginning(line: &[u8]) -> &[u8] {
        &line[..line.len().min(MAX_LINE * char::MAX_LEN_UTF8)]
    }

    pub(super) fn add(&self, line: &str) {
        let mut lines = self.0.lock();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(MAX_LINE).collect());
    }

    /// What the last panic said, or the last line if there was none; empty if there was nothing.
    pub(super) fn get(&self) -> String {
        let lines = self.0.lock();
        let Some(where_to) = lines.iter().rposition(|line| line.contains(PANICKED)) else {
            return lines.back().cloned().unwrap_or_default();
        };
        let message = lines.iter().skip(where_to + 1).take_while(|line| !line.starts_with(NOTE));
        message.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_is_told_by_its_message_and_anything_else_by_its_last_line() {
        let words = RecentStderr::default();
        assert_eq!(words.get(), "");
        for number in 0..10 {
            words.add(&format!("line {number}"));
        }
        assert_eq!(words.get(), "line 9");
        words.add("thread '<unnamed>' (1) panicked at src/lib.rs:14:13:");
        words.add("no such room");
        words.add("note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace");
        assert_eq!(words.get(), "no such room");
    }
}
