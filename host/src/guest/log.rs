//! A guest's standard output and error, line by line in the host's log.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWrite, empty};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::last_words::LastWords;

/// The longest line that the log takes in one piece, in octets. A guest that never ends its line
/// must not make the host remember it.
const MAX_LINE: usize = 4096;

/// One of a guest's streams into the host's log.
#[derive(Clone)]
pub(super) struct GuestLog {
    /// The name of the component, for whoever reads the log.
    pub(super) component: Arc<str>,
    pub(super) stream: GuestStream,
    /// Where the last lines of its standard error are kept.
    pub(super) last_words: LastWords,
}

/// Which stream.
#[derive(Clone, Copy, Debug)]
pub(super) enum GuestStream {
    /// At the level `info`.
    Stdout,
    /// At the level `warn`: what a panic says comes here.
    Stderr,
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
        Box::new(Lines { log: self.clone(), line: Vec::new() })
    }
}

struct Lines {
    log: GuestLog,
    line: Vec<u8>,
}

impl OutputStream for Lines {
    fn write(&mut self, octets: Bytes) -> StreamResult<()> {
        for octet in octets {
            match octet {
                b'\n' => self.end_line(),
                _ => self.line.push(octet),
            }
            if self.line.len() >= MAX_LINE {
                self.end_line();
            }
        }
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
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl Lines {
    fn end_line(&mut self) {
        let (component, line) = (&*self.log.component, printable(&self.line));
        match self.log.stream {
            GuestStream::Stdout => tracing::info!(target: "guest", component, "{line}"),
            GuestStream::Stderr => {
                tracing::warn!(target: "guest", component, "{line}");
                self.log.last_words.add(&line);
            }
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
fn printable(octets: &[u8]) -> String {
    let mut printable = String::with_capacity(octets.len());
    for character in String::from_utf8_lossy(octets).chars() {
        if character.is_control() && character != '\t' {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}
