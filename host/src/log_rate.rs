//! Limits for log lines that clients can cause. They apply to the number of lines, and to the length of quoted text.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The time between two lines of one kind, or between two bursts of lines of one kind. It is short enough to show that
/// a problem continues, and long enough that many clients cannot fill a disk.
const INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of bytes of a client's text that are quoted. A host name has at most 253 bytes.
const MAX_QUOTED: usize = 256;

/// A rate limit for log lines of one kind. It is usually a `static`. It allows a fixed number of lines per second,
/// often one. The first line in each second reports how many lines were suppressed before it.
#[derive(Debug)]
pub(crate) struct LogRate {
    burst: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

/// Permission to write a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The number of lines of this kind that were left out since the last permitted line. `None` if there were none.
    pub(crate) left_out: Option<u64>,
}

impl LogRate {
    pub(crate) const fn new() -> Self {
        Self::per_second(1)
    }

    /// Allows `burst` lines a second.
    pub(crate) const fn per_second(burst: u32) -> Self {
        Self { burst, state: Mutex::new(State { began: None, lines: 0, left_out: 0 }) }
    }

    /// Returns permission to write a line. Returns `None` if the line must be left out. The next permitted line reports
    /// how many lines were left out.
    pub(crate) fn line(&self, now: Instant) -> Option<Line> {
        let mut state = self.state.lock();
        if state.began.is_none_or(|began| now.saturating_duration_since(began) >= INTERVAL) {
            state.began = Some(now);
            state.lines = 0;
        }
        if state.lines == self.burst {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        let left_out = std::mem::take(&mut state.left_out);
        Some(Line { left_out: (left_out > 0).then_some(left_out) })
    }
}

/// Bytes from a client, escaped and shortened for the log.
#[derive(Clone, Copy)]
pub(crate) struct Quoted<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (beginning, more) = match self.0.get(..MAX_QUOTED) {
            Some(beginning) if self.0.len() > MAX_QUOTED => (beginning, "…"),
            _ => (self.0, ""),
        };
        write!(f, "{}{more}", beginning.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_is_written_with_the_number_of_lines_left_out() {
        let rate = LogRate::new();
        let start = Instant::now();
        let after = |milliseconds| rate.line(start + Duration::from_millis(milliseconds));
        let line = |left_out| Some(Line { left_out });
        assert_eq!(after(0), line(None));
        assert_eq!(after(1), None);
        assert_eq!(after(999), None);
        assert_eq!(after(1000), line(Some(2)));
        assert_eq!(after(1500), None);
        // The times may decrease. A thread reads the clock before it calls this function, and another thread may call
        // the function in between.
        assert_eq!(after(400), None);
        assert_eq!(after(9000), line(Some(2)));
        assert_eq!(after(10_000), line(None));
    }

    #[test]
    fn burst_of_lines_a_second_is_written() {
        let rate = LogRate::per_second(3);
        let start = Instant::now();
        let written = |milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            (0..10).filter_map(|_| rate.line(now)).map(|line| line.left_out).collect::<Vec<_>>()
        };
        assert_eq!(written(0), [None, None, None]);
        assert_eq!(written(999), []);
        assert_eq!(written(1000), [Some(17), None, None]);
    }

    #[test]
    fn quoted_bytes_are_escaped_and_shortened() {
        let quoted = |bytes: &[u8]| Quoted(bytes).to_string();
        assert_eq!(quoted(b"https://app.example.com"), "https://app.example.com");
        assert_eq!(quoted(b"a\r\n\x1b[2J\xc3\xa9\"b"), r#"a\r\n\x1b[2J\xc3\xa9\"b"#);
        assert_eq!(quoted(&[b'a'; MAX_QUOTED]), "a".repeat(MAX_QUOTED));
        assert_eq!(quoted(&[b'a'; 16_000]), format!("{}…", "a".repeat(MAX_QUOTED)));
    }
}
