//! The log: lines go to standard error on a thread of their own.
//!
//! Whoever reads them may be slow, or have stopped. Nobody who is served waits for that: what finds no room is
//! dropped and counted, and the log tells how much when it flows again.

use std::io::{ErrorKind, Result, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// Octets that may wait to be written: some thousand lines, so that a burst is lost to nobody who reads.
const MAX_WAITING: usize = 1 << 20;

/// Octets that are kept for the next lines when all have been written.
const KEPT: usize = 64 << 10;

/// Lines are written together up to so many octets: a pipe that others write to as well keeps them together
/// (PIPE_BUF).
const PIECE: usize = 4096;

/// How long the end of the program waits for a reader that takes nothing, and for one that is slow.
const PATIENCE: Duration = Duration::from_secs(1);
const MAX_END: Duration = Duration::from_secs(3);

/// How long to wait before the next attempt where standard error was made not to block.
const RETRY: Duration = Duration::from_millis(10);

/// The log. Copies are the same.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole lines.
    waiting: Vec<u8>,
    /// Lines that found no room.
    lost: u64,
    /// Whether the thread has lines that were not written yet.
    is_writing: bool,
    /// Pieces that were written.
    pieces: u64,
}

impl Log {
    /// Starts the thread. From now on panics are told here, too.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread.
    pub(crate) fn start() -> Result<Self> {
        let log = Self(Arc::default());
        let shared = Arc::clone(&log.0);
        std::thread::Builder::new().name("log".into()).spawn(move || shared.write())?;
        let telling = log.clone();
        std::panic::set_hook(Box::new(move |panic| telling.tell(panic)));
        Ok(log)
    }

    /// Adds whole lines, if there is room. Never waits.
    pub(crate) fn add(&self, lines: &[u8]) {
        let mut state = self.0.state.lock();
        if state.waiting.len() + lines.len() > MAX_WAITING {
            state.lost += 1;
            drop(state);
            metrics::counter!("ws_host_log_lines_lost_total").increment(1);
            return;
        }
        state.waiting.extend_from_slice(lines);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until everything is written, or nobody reads it.
    pub(crate) fn finish(&self) {
        let until = Instant::now() + MAX_END;
        let mut state = self.0.state.lock();
        while state.is_writing || !state.waiting.is_empty() {
            let pieces = state.pieces;
            let waited = self.0.changed.wait_for(&mut state, PATIENCE);
            if (waited.timed_out() && state.pieces == pieces) || Instant::now() >= until {
                return;
            }
        }
    }

    fn tell(&self, panic: &PanicHookInfo<'_>) {
        use std::backtrace::{Backtrace, BacktraceStatus};
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("<unnamed>");
        let mut text = format!("thread '{name}' {panic}\n");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text += &format!("stack backtrace:\n{backtrace}\n");
        }
        self.add(text.as_bytes());
        // It may be the last one: a panic of the main thread ends the program.
        if name == "main" {
            self.finish();
        }
    }
}

impl Shared {
    /// Writes for ever what is added.
    fn write(&self) {
        let mut lines = Vec::new();
        loop {
            let lost = self.next(&mut lines);
            for piece in pieces(&lines) {
                write(piece);
                self.state.lock().pieces += 1;
                self.changed.notify_all();
            }
            if lost > 0 {
                write(
                    format!(
                        "ws-host: {lost} lines of the log were lost: nobody read them in time\n"
                    )
                    .as_bytes(),
                );
            }
            lines.clear();
            lines.shrink_to(KEPT);
        }
    }

    /// Waits for lines, and gives how many were lost behind them.
    fn next(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.state.lock();
        state.is_writing = false;
        self.changed.notify_all();
        while state.waiting.is_empty() {
            self.changed.wait(&mut state);
        }
        state.is_writing = true;
        std::mem::swap(&mut state.waiting, lines);
        std::mem::take(&mut state.lost)
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// A line comes in one piece.
impl Write for &Log {
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Lines in pieces of as many as fit; a longer one is a piece by itself.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = |byte: &u8| *byte == b'\n';
        let fitting = &lines[..lines.len().min(PIECE)];
        let length = match fitting.iter().rposition(end) {
            Some(last) => last + 1,
            None => lines.iter().position(end).map_or(lines.len(), |first| first + 1),
        };
        let (piece, rest) = lines.split_at(length);
        lines = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Writes a piece, however long that takes. There is nowhere to tell of an error.
fn write(mut piece: &[u8]) {
    let mut stderr = std::io::stderr();
    while !piece.is_empty() {
        match stderr.write(piece) {
            Ok(0) => return,
            Ok(written) => piece = &piece[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_in_pieces_of_whole_ones() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        let lengths = |lines: &[Vec<u8>]| -> Vec<usize> {
            pieces(&lines.concat()).map(<[u8]>::len).collect()
        };
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[line(10), line(20)]), [30]);
        assert_eq!(lengths(&[line(10), line(PIECE - 10), line(1)]), [PIECE, 1]);
        assert_eq!(lengths(&[line(10), line(PIECE)]), [10, PIECE]);
        assert_eq!(lengths(&[line(10), line(3 * PIECE), line(1)]), [10, 3 * PIECE, 1]);
        assert_eq!(lengths(&[vec![b'x'; 7]]), [7]);
    }

    #[test]
    fn panics_are_told_to_the_log() {
        let log = Log(Arc::default());
        let telling = log.clone();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| telling.tell(panic)));
        let failing = std::thread::Builder::new().name("failing".to_owned());
        let failed = failing.spawn(|| panic!("told to")).expect("a thread").join();
        std::panic::set_hook(before);
        assert!(failed.is_err());
        let told = String::from_utf8(log.0.state.lock().waiting.clone()).expect("text");
        assert!(told.starts_with("thread 'failing' panicked at host/src/log.rs:"), "{told}");
        assert!(told.contains("told to\n"), "{told}");
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_told() {
        let log = Log(Arc::default());
        let line = vec![b'x'; MAX_WAITING / 4];
        for _ in 0..6 {
            log.add(&line);
        }
        let mut lines = Vec::new();
        assert_eq!(log.0.next(&mut lines), 2);
        assert_eq!(lines.len(), MAX_WAITING);
        log.add(b"more\n");
        lines.clear();
        assert_eq!(log.0.next(&mut lines), 0);
        assert_eq!(lines, b"more\n");
    }
}
