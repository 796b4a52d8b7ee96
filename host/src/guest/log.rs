//! A guest's standard output and error, line by line in the host's log.

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

/// The longest line that the log takes in one piece, in octets, and the most that one call may write. A guest that
/// never ends its line must not make the host remember it.
const MAX_LINE: usize = 4096;

/// Why a guest is trapped, as wasi:io wants it, that writes more at once.
const TOO_MUCH: &str = "more octets were written at once than check-write permits, which are 4096";

/// One of a guest's streams into the host's log. However often the guest asks for it, it is the same one, and keeps
/// one unfinished line.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Lines>>);

struct Lines {
    /// The name of the component, for whoever reads the log.
    component: Arc<str>,
    stream: GuestStream,
    /// Where the last lines of its standard error are kept.
    last_words: RecentStderr,
    /// How much all instances together may write.
    budget: Arc<LogBudget>,
    line: Vec<u8>,
}

/// Which stream.
#[derive(Clone, Copy, Debug)]
pub(super) enum GuestStream {
    /// At the level `info`.
    Stdout,
    /// At the level `warn`: what a panic says comes here.
    Stderr,
}

impl GuestLog {
    pub(super) fn new(
        component: &Arc<str>,
        stream: GuestStream,
        last_words: &RecentStderr,
        budget: &Arc<LogBudget>,
    ) -> Self {
        let (component, budget) = (Arc::clone(component), Arc::clone(budget));
        let last_words = last_words.clone();
        Self(Arc::new(Mutex::new(Lines {
            component,
            stream,
            last_words,
            budget,
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
        // Only asked for by WASI 0.3, which is not linked.
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
    /// A piece of a line, no longer than one may be.
    fn add(&mut self, piece: &[u8]) {
        let (fitting, rest) = piece.split_at(piece.len().min(MAX_LINE - self.line.len()));
        self.line.extend_from_slice(fitting);
        if self.line.len() >= MAX_LINE {
            self.end_line();
            self.line.extend_from_slice(rest);
        }
    }

    fn end_line(&mut self) {
        let Self { component, stream, last_words, budget, .. } = &*self;
        let component = &**component;
        if let GuestStream::Stderr = stream {
            last_words.add(&printable(RecentStderr::beginning(&self.line)));
        }
        match budget.line(Instant::now()) {
            Line::Written { left_out } => {
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
                "prints more than max-log allows ({} a second): lines are left out",
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

/// Text without control characters: what a guest writes must not move the cursor of whoever reads
/// the log, nor look like another line of it.
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
