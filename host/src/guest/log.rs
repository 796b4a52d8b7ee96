//! Writes a guest's standard output and standard error to the host's log, line by line.

use std::sync::Arc;

use bytes::Bytes;
use memchr::memchr;
use parking_lot::Mutex;
use tokio::io::{AsyncWrite, empty};
use tracing::Level;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::log_budget::LogBudget;
use super::log_line::{MAX_LINE, line_text, write_line};
use super::log_source::LogSource;
use super::recent_stderr::RecentStderr;

/// The message of the trap for a guest that writes too many bytes at once. wasi:io requires a trap in this case.
const TOO_MUCH: &str =
    "one call wrote more than the 4096 bytes that check-write permits: write in smaller pieces";

/// A guest's standard output or standard error. All handles that a guest has for the same stream share one unfinished
/// line.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Lines>>);

struct Lines {
    source: Arc<LogSource>,
    stream: GuestStream,
    /// Gets the lines of standard error, and keeps the text that may explain a fault.
    recent_stderr: RecentStderr,
    /// How much all instances of the component may write in total.
    budget: Arc<LogBudget>,
    line: Vec<u8>,
}

/// The stream that a guest writes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum GuestStream {
    /// Logged at the level `info`.
    Stdout,
    /// Logged at the level `warn`, because panic messages are written here.
    Stderr,
}

impl GuestLog {
    pub(super) fn new(
        source: &Arc<LogSource>,
        stream: GuestStream,
        recent_stderr: &RecentStderr,
        budget: &Arc<LogBudget>,
    ) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            source: Arc::clone(source),
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
        // Only WASI 0.3 calls this function, and WASI 0.3 is not linked.
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
    /// Adds a piece of at most [`MAX_LINE`] bytes, which is the most that one call can write. When the line is full, a
    /// new line begins.
    fn add(&mut self, piece: &[u8]) {
        let (fitting, rest) = piece.split_at(piece.len().min(MAX_LINE - self.line.len()));
        self.line.extend_from_slice(fitting);
        if self.line.len() >= MAX_LINE {
            self.end_line();
            self.line.extend_from_slice(rest);
        }
    }

    fn end_line(&mut self) {
        let Self { source, stream, recent_stderr, budget, .. } = &*self;
        if let GuestStream::Stderr = stream {
            recent_stderr.add(&line_text(RecentStderr::beginning(&self.line)));
        }
        let level = match stream {
            GuestStream::Stdout => Level::INFO,
            GuestStream::Stderr => Level::WARN,
        };
        write_line(source, budget, None, level, &self.line);
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
