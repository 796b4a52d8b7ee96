//! Writes lines of a guest to the host's log.

use bytesize::ByteSize;
use tokio::time::Instant;
use tracing::Level;

use super::log_budget::{Line, LogBudget};
use super::log_source::LogSource;
use crate::clients::Client;
use crate::printable::{Tabs, printable};

/// The maximum length of a line that the log takes in one piece, in bytes.
pub(super) const MAX_LINE: usize = 4096;

/// Writes a line, if the budget allows. `client` is the client of the event, if that is known.
pub(super) fn write_line(
    source: &LogSource,
    budget: &LogBudget,
    client: Option<&Client>,
    level: Level,
    line: &[u8],
) {
    let (component, resource, hash) = source.fields();
    match budget.take_line(Instant::now()) {
        Line::Write { left_out } => {
            if left_out > 0 {
                tracing::warn!(
                    target: "guest",
                    component,
                    resource,
                    hash,
                    "{left_out} lines were left out because of max-log"
                );
            }
            let line = line_text(line);
            budget.charge(line.len());
            let connection = client.map(|client| client.info().connection.0);
            let client = client.map(|client| client.id().0);
            macro_rules! write_at {
                ($level:expr) => {
                    tracing::event!(
                        target: "guest", $level, component, resource, hash, connection, client,
                        "{line}"
                    )
                };
            }
            match level {
                Level::TRACE => write_at!(Level::TRACE),
                Level::DEBUG => write_at!(Level::DEBUG),
                Level::INFO => write_at!(Level::INFO),
                Level::WARN => write_at!(Level::WARN),
                Level::ERROR => write_at!(Level::ERROR),
            }
        }
        Line::FirstLeftOut => tracing::warn!(
            target: "guest",
            component,
            resource,
            hash,
            "the handler prints more than max-log allows ({} a second): lines are left out; print \
             less, or raise max-log",
            ByteSize(budget.max() as u64)
        ),
        Line::LeftOut => {}
    }
}

/// Returns whether the log shows lines of this level.
pub(super) fn is_shown(level: Level) -> bool {
    match level {
        Level::TRACE => tracing::enabled!(target: "guest", Level::TRACE),
        Level::DEBUG => tracing::enabled!(target: "guest", Level::DEBUG),
        Level::INFO => tracing::enabled!(target: "guest", Level::INFO),
        Level::WARN => tracing::enabled!(target: "guest", Level::WARN),
        Level::ERROR => tracing::enabled!(target: "guest", Level::ERROR),
    }
}

/// Returns a line as text. The output of a guest must not control a terminal that shows the log, hide a part of a line,
/// or look like another line.
pub(super) fn line_text(line: &[u8]) -> String {
    printable(&String::from_utf8_lossy(line), Tabs::Kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_guest_is_printable() {
        let line = "a\tb\u{1b}[2J\r\u{202e}c".as_bytes();
        assert_eq!(line_text(line), "a\tb\\u{1b}[2J\\r\\u{202e}c");
        assert_eq!(line_text(b"\xff"), "\u{fffd}");
    }
}
