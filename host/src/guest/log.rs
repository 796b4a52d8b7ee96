//! Writes a guest's standard output and standard error to the host's log, line by line.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use bytesize::ByteSize;
use memchr::memchr;
use parking_lot::Mutex;
use tokio::io::{AsyncWrite, empty};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::log_budget::{Line, LogBudget};
use super::recent_stderr::RecentStderr;

/// The longest line that the log takes in one piece, in bytes, and the most bytes that one call may write. The host
/// keeps an unfinished line in memory, so its length must have a limit.
const MAX_LINE: usize = 4096;

/// The message of the trap for a guest that writes more bytes at once; wasi:io demands a trap.
const TOO_MUCH: &str =
    "one call wrote more than the 4096 bytes that check-write permits: write in smaller pieces";

/// A guest's standard output or standard error. All handles that a guest gets of one stream share one unfinished line.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Lines>>);

struct Lines {
    /// The name of the component's file.
    component: Arc<str>,
    stream: GuestStream,
    /// Keeps the last lines of standard error.
    recent_stderr: RecentStderr,
    /// How much all instances of the component together may write.
    budget: Arc<LogBudget>,
    line: Vec<u8>,
}

/// The stream that a guest writes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum GuestStream {
    /// Logged at the level `info`.
    Stdout,
    /// Logged at the level `warn`: panic messages are written here.
    Stderr,
}

impl GuestLog {
    pub(super) fn new(
        component: &Arc<str>,
        stream: GuestStream,
        recent_stderr: &RecentStderr,
        budget: &Arc<LogBudget>,
    ) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            component: Arc::clone(component),
            stream,
            recent_stderr: recent_stderr.clone(),
            budget: Arc::clone(budget),
            line: Vec::new(),
        })))
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 calls this, and it is not linked.
        Box::new(empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > MAX_LINE {
            return Err(StreamError::trap(TOO_MUCH));
        }
        let mut lines = self.0.lock();
        let mut rest = &bytes[..];
        while let Some(end) = memchr(b'\n', rest) {
            lines.add(&rest[..end]);
            lines.end_line();
            rest = &rest[end + 1..];
        }
        lines.add(rest);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestLog {
    async fn ready(&mut self) {}
}

impl Lines {
    /// Adds a piece of at most [`MAX_LINE`] bytes to the line. A line that is full ends.
    fn add(&mut self, piece: &[u8]) {
        let (fitting, rest) = piece.split_at(piece.len().min(MAX_LINE - self.line.len()));
        self.line.extend_from_slice(fitting);
        if self.line.len() >= MAX_LINE {
            self.end_line();
            self.line.extend_from_slice(rest);
        }
    }

    fn end_line(&mut self) {
        let Self { component, stream, recent_stderr, budget, .. } = &*self;
        let component = &**component;
        if let GuestStream::Stderr = stream {
            recent_stderr.add(&printable(RecentStderr::beginning(&self.line)));
        }
        match budget.take_line(Instant::now()) {
            Line::Write { left_out } => {
                if left_out > 0 {
                    tracing::warn!(target: "guest", component, "{left_out} lines were left out");
                }
                let line = printable(&self.line);
                budget.charge(line.len());
                match stream {
                    GuestStream::Stdout => tracing::info!(target: "guest", component, "{line}"),
                    GuestStream::Stderr => tracing::warn!(target: "guest", component, "{line}"),
                }
            }
            Line::FirstLeftOut => tracing::warn!(
                target: "guest",
                component,
                "prints more than max-log allows ({} a second): lines are left out; print less, or raise max-log",
                ByteSize(budget.max() as u64)
            ),
            Line::LeftOut => {}
        }
        self.line.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}

/// Returns the text with control characters escaped. The output of a guest must not move the cursor of a terminal that
/// shows the log, nor look like another line of the log.
fn printable(bytes: &[u8]) -> String {
    let mut printable = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        if character.is_control() && character != '\t' {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}
