//! Lost log lines. The log belongs to the program, so all hosts of a process share this counter.

use std::sync::atomic::{AtomicU64, Ordering};

static LOST: AtomicU64 = AtomicU64::new(0);

/// Adds one to `ws_host_log_lines_lost_total`, for a line that the program's log had to drop. The host itself uses
/// this counter for lines that exceed the limits of the access log. Only a program that writes the log itself, and may
/// lose lines, needs this function.
pub fn count_lost_log_line() {
    LOST.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn lost_log_lines() -> u64 {
    LOST.load(Ordering::Relaxed)
}
