//! The log: a separate thread writes lines to standard error.
//!
//! The reader of standard error may be slow, or may have stopped. Clients never wait for it. Lines that do not fit into
//! the queue are dropped and counted. The log reports their number when lines are written again.

use std::io::{ErrorKind, Result, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// The maximum number of bytes that may wait to be written. This is enough for several thousand lines, so that a burst
/// loses no line while the log is being read.
const MAX_QUEUED: usize = 1 << 20;

/// The capacity, in bytes, that is kept for the next lines when all lines have been written.
const KEPT_CAPACITY: usize = 64 << 10;

/// The maximum number of bytes in a write of several lines. A pipe keeps a write of this size together even if other
/// processes write to the pipe at the same time (`PIPE_BUF`).
const MAX_CHUNK: usize = 4096;

/// How long [`Log::finish`] waits for a reader that has stopped.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// How long [`Log::finish`] waits for a slow reader.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

/// The pause before the next attempt to write if standard error is non-blocking.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people: the time, the level, the source, a text, and fields as `name=value`.
    #[default]
    Text,
    /// For programs: one JSON object per line.
    Json,
}

/// The log. Clones share one queue.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    format: Format,
}

#[derive(Default)]
struct State {
    /// Whole lines that wait to be written.
    queued: Vec<u8>,
    /// The number of lines that did not fit.
    lost: u64,
    /// Whether the thread has taken lines that it has not written yet.
    is_writing: bool,
    /// The number of chunks that were written.
    chunks: u64,
}

impl Log {
    /// Starts the thread. From now on, panics are sent to the log.
    ///
    /// # Errors
    ///
    /// The error of the operating system if no thread can be started.
    pub(crate) fn start(format: Format) -> Result<Self> {
        let log = Self(Arc::new(Shared { format, ..Shared::default() }));
        let shared = Arc::clone(&log.0);
        std::thread::Builder::new().name("log".into()).spawn(move || shared.write())?;
        let panic_log = log.clone();
        std::panic::set_hook(Box::new(move |panic| panic_log.log_panic(panic)));
        Ok(log)
    }

    /// Adds whole lines if they fit. Never blocks.
    pub(crate) fn add(&self, lines: &[u8]) {
        let mut state = self.0.state.lock();
        if state.queued.len() + lines.len() > MAX_QUEUED {
            state.lost += 1;
            drop(state);
            ws_host::count_lost_log_line();
            return;
        }
        state.queued.extend_from_slice(lines);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Returns the format of the log's lines.
    pub(crate) fn format(&self) -> Format {
        self.0.format
    }

    /// Adds a line from the program itself rather than from a `tracing` event.
    pub(crate) fn report(&self, level: &str, text: &str) {
        self.add(line(self.format(), level, text).as_bytes());
    }

    /// Waits until everything is written. Gives up if the reader has stopped or is too slow.
    pub(crate) fn finish(&self) {
        let deadline = Instant::now() + FINISH_TIMEOUT;
        let mut state = self.0.state.lock();
        while state.is_writing || !state.queued.is_empty() {
            let chunks = state.chunks;
            let waited = self.0.changed.wait_for(&mut state, STALL_TIMEOUT);
            if (waited.timed_out() && state.chunks == chunks) || Instant::now() >= deadline {
                return;
            }
        }
    }

    fn log_panic(&self, panic: &PanicHookInfo<'_>) {
        use std::backtrace::{Backtrace, BacktraceStatus};
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("<unnamed>");
        let mut text = format!("thread '{name}' {panic}");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text += &format!("\nstack backtrace:\n{backtrace}");
        }
        match self.format() {
            Format::Text => self.add(format!("{text}\n").as_bytes()),
            Format::Json => self.report("ERROR", &text),
        }
        // A panic of the main thread ends the program, so everything must be written first.
        if name == "main" {
            self.finish();
        }
    }
}

impl Shared {
    /// Writes queued lines forever.
    fn write(&self) {
        let mut lines = Vec::new();
        loop {
            let lost = self.wait_for_lines(&mut lines);
            for chunk in chunks(&lines) {
                write(chunk);
                self.state.lock().chunks += 1;
                self.changed.notify_all();
            }
            if lost > 0 {
                let text = format!(
                    "{lost} log lines were lost, because standard error was not read in time"
                );
                write(line(self.format, "WARN", &text).as_bytes());
            }
            lines.clear();
            lines.shrink_to(KEPT_CAPACITY);
        }
    }

    /// Waits for lines and moves them to `lines`. Returns how many other lines were lost since the last call.
    fn wait_for_lines(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.state.lock();
        state.is_writing = false;
        self.changed.notify_all();
        while state.queued.is_empty() {
            self.changed.wait(&mut state);
        }
        state.is_writing = true;
        std::mem::swap(&mut state.queued, lines);
        std::mem::take(&mut state.lost)
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Each call of `write` gets a whole line.
impl Write for &Log {
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Returns a line from the program itself. In JSON, the line has the same fields as an event.
fn line(format: Format, level: &str, text: &str) -> String {
    match format {
        Format::Text => format!("ws-host: {text}\n"),
        Format::Json => {
            let timestamp = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
            let object = serde_json::json!({
                "timestamp": timestamp, "level": level, "message": text, "target": "ws_host",
            });
            format!("{object}\n")
        }
    }
}

/// Splits lines into chunks. A chunk has as many lines as fit. A line that is too long is a chunk of its own.
fn chunks(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = |byte: &u8| *byte == b'\n';
        let fitting = &lines[..lines.len().min(MAX_CHUNK)];
        let length = match fitting.iter().rposition(end) {
            Some(last) => last + 1,
            None => lines.iter().position(end).map_or(lines.len(), |first| first + 1),
        };
        let (chunk, rest) = lines.split_at(length);
        lines = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// Writes a chunk, no matter how long that takes. An error is ignored, because it cannot be reported anywhere.
fn write(mut chunk: &[u8]) {
    let mut stderr = std::io::stderr();
    while !chunk.is_empty() {
        match stderr.write(chunk) {
            Ok(0) => return,
            Ok(written) => chunk = &chunk[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(RETRY_INTERVAL)
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_in_chunks_of_whole_lines() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        let lengths = |lines: &[Vec<u8>]| -> Vec<usize> {
            chunks(&lines.concat()).map(<[u8]>::len).collect()
        };
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[line(10), line(20)]), [30]);
        assert_eq!(lengths(&[line(10), line(MAX_CHUNK - 10), line(1)]), [MAX_CHUNK, 1]);
        assert_eq!(lengths(&[line(10), line(MAX_CHUNK)]), [10, MAX_CHUNK]);
        assert_eq!(lengths(&[line(10), line(3 * MAX_CHUNK), line(1)]), [10, 3 * MAX_CHUNK, 1]);
        assert_eq!(lengths(&[vec![b'x'; 7]]), [7]);
    }

    #[test]
    fn panics_go_to_the_log() {
        let log = Log(Arc::default());
        let panic_log = log.clone();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| panic_log.log_panic(panic)));
        let failing = std::thread::Builder::new().name("failing".to_owned());
        let failed = failing.spawn(|| panic!("on purpose")).expect("a thread").join();
        std::panic::set_hook(before);
        assert!(failed.is_err());
        let logged = String::from_utf8(log.0.state.lock().queued.clone()).expect("text");
        assert!(
            logged.starts_with("thread 'failing' panicked at host/src/bin/ws-host/log.rs:"),
            "{logged}"
        );
        assert!(logged.contains("on purpose\n"), "{logged}");
    }

    #[test]
    fn line_of_the_program_is_a_json_object_if_the_log_is_json() {
        assert_eq!(line(Format::Text, "WARN", "so"), "ws-host: so\n");
        let json = line(Format::Json, "WARN", "a \"b\"\nc");
        assert_eq!(json.lines().count(), 1, "{json}");
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["message"], "a \"b\"\nc");
        assert_eq!((&value["level"], &value["target"]), (&"WARN".into(), &"ws_host".into()));
        let timestamp = value["timestamp"].as_str().expect("a time");
        assert!(humantime::parse_rfc3339(timestamp).is_ok(), "{timestamp}");
    }

    #[test]
    fn lines_that_do_not_fit_are_dropped_and_counted() {
        let log = Log(Arc::default());
        let line = vec![b'x'; MAX_QUEUED / 4];
        for _ in 0..6 {
            log.add(&line);
        }
        let mut lines = Vec::new();
        assert_eq!(log.0.wait_for_lines(&mut lines), 2);
        assert_eq!(lines.len(), MAX_QUEUED);
        log.add(b"more\n");
        lines.clear();
        assert_eq!(log.0.wait_for_lines(&mut lines), 0);
        assert_eq!(lines, b"more\n");
    }
}
