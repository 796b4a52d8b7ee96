//! What a guest wrote to its standard error during the current event. It often says why the event failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// How many characters of a line, and of an explanation, are kept. This is more than fits into a close frame.
const MAX_LENGTH: usize = 256;

/// The text before the source location in the first line of a Rust panic. The message follows in the next lines.
const RUST_PANIC: &str = " panicked at ";

/// The beginning of the line after the message of a Rust panic.
const RUST_NOTE: &str = "note: ";

/// The first line of a Python traceback. The first line after it that is not indented names the exception.
const PYTHON_TRACEBACK: &str = "Traceback (most recent call last)";

/// The possible beginnings of a Go panic report. The lines after the first are about goroutines.
const GO_PANICS: [&str; 2] = ["panic: ", "fatal error: "];

/// The line that StarlingMonkey writes after the message of an uncaught exception, if the exception has a stack.
const STARLING_STACK: &str = "Stack:";

/// The line that StarlingMonkey writes before it aborts.
const STARLING_ABORT: &str = "Redirecting call to abort()";

/// The text before and after the message of an uncaught exception in QuickJS. The message is part of a Rust panic,
/// because QuickJS's host is written in Rust.
const QUICKJS_MESSAGE: (&str, &str) = ("message: Some(\"", "\")");

/// What the guest wrote during the current event. The stream adds the lines, and the store reads the explanation.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentStderr(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether the current event has written anything. This flag saves most events from taking the lock when they
    /// begin.
    is_written: AtomicBool,
    report: Mutex<Report>,
}

#[derive(Debug, Default)]
struct Report {
    /// The last line that is not empty.
    last: String,
    /// The error that a panic or an exception has reported.
    error: Option<String>,
    /// The location of the error in the guest's source. Set only for a Rust panic, because its message does not name
    /// the location.
    place: Option<String>,
    /// The expected content of the next line.
    expected: Expected,
}

/// The expected content of the next line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Anything,
    /// The message of a Rust panic. It ends before the note.
    RustMessage,
    /// The stack of a Python exception, followed by the exception.
    PythonException,
    /// The remaining lines of a report that has already named its error. A Rust panic in these lines is not the cause
    /// of the failure.
    Remainder,
}

impl RecentStderr {
    /// Returns the beginning of a line: at least the part that is kept.
    pub(super) fn beginning(line: &[u8]) -> &[u8] {
        &line[..line.len().min(MAX_LENGTH * char::MAX_LEN_UTF8)]
    }

    /// Forgets what earlier events wrote.
    pub(super) fn clear(&self) {
        if self.0.is_written.load(Ordering::Relaxed) {
            self.0.is_written.store(false, Ordering::Relaxed);
            *self.0.report.lock() = Report::default();
        }
    }

    /// Adds a line of the current event.
    pub(super) fn add(&self, line: &str) {
        self.0.is_written.store(true, Ordering::Relaxed);
        self.0.report.lock().add(&shorten(line));
    }

    /// Returns why the current event failed, as the guest's language runtime reports it: the message of a panic or an
    /// exception. For a Rust panic, the source location is added. If there is no such message, returns the last line
    /// that was written, or an empty string if nothing was written.
    pub(super) fn explanation(&self) -> String {
        let Report { error, place, last, .. } = &*self.0.report.lock();
        match (error, place) {
            (Some(message), Some(place)) => format!("{message} ({place})"),
            (Some(message), None) => message.clone(),
            (None, _) => last.clone(),
        }
    }
}

impl Report {
    fn add(&mut self, line: &str) {
        if let Some((_, place)) = line.split_once(RUST_PANIC) {
            if self.expected != Expected::Remainder {
                (self.error, self.expected) = (None, Expected::RustMessage);
                self.place = Some(place.trim_end_matches(':').to_owned());
            }
        } else if line.starts_with(PYTHON_TRACEBACK) {
            self.expected = Expected::PythonException;
        } else if GO_PANICS.iter().any(|panic| line.starts_with(panic)) {
            self.end_with(line);
        } else if line == STARLING_STACK || line.starts_with(STARLING_ABORT) {
            if self.expected != Expected::Remainder {
                let message = std::mem::take(&mut self.last);
                self.end_with(&message);
            }
        } else {
            self.add_to_report(line);
        }
        if !line.trim().is_empty() {
            line.clone_into(&mut self.last);
        }
    }

    fn add_to_report(&mut self, line: &str) {
        match self.expected {
            Expected::RustMessage if line.starts_with(RUST_NOTE) => {
                self.expected = Expected::Anything;
            }
            Expected::RustMessage => {
                let message = match (&self.error, quickjs_message(line)) {
                    (Some(message), _) => format!("{message} {line}"),
                    (None, Some(message)) => {
                        // The location is in the source of QuickJS's host, and not in that of the handler.
                        self.place = None;
                        message.to_owned()
                    }
                    (None, None) => line.to_owned(),
                };
                self.error = Some(shorten(&message));
            }
            Expected::PythonException if !line.is_empty() && !line.starts_with(' ') => {
                self.end_with(line);
            }
            Expected::PythonException | Expected::Remainder | Expected::Anything => {}
        }
    }

    fn end_with(&mut self, error: &str) {
        (self.error, self.place, self.expected) =
            (Some(error.to_owned()), None, Expected::Remainder);
    }
}

fn quickjs_message(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(QUICKJS_MESSAGE.0)?;
    Some(rest.split_once(QUICKJS_MESSAGE.1)?.0)
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation_of(lines: &str) -> String {
        let stderr = RecentStderr::default();
        lines.lines().for_each(|line| stderr.add(line));
        stderr.explanation()
    }

    #[test]
    fn last_line_explains_if_there_is_no_report() {
        assert_eq!(explanation_of(""), "");
        assert_eq!(explanation_of("one\ntwo\n\n"), "two");
    }

    #[test]
    fn rust_panic_gives_its_message_and_its_place() {
        let panic = "before\n\nthread '<unnamed>' (1) panicked at src/lib.rs:14:13:\nno such\nroom\n\
                     note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        assert_eq!(explanation_of(panic), "no such room (src/lib.rs:14:13)");
    }

    #[test]
    fn python_gives_the_exception() {
        let exception = "Traceback (most recent call last):\n  File \"/0/chat.py\", line 7, in received_text\n\
                         KeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\n\
                         Traceback (most recent call last):\n  File \"/0/chat.py\", line 9, in received_text\n\
                         ValueError: no such room\n\n\
                         thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1280:25:\n\
                         Python function threw an unexpected exception\nnote: run with `RUST_BACKTRACE=1`";
        assert_eq!(explanation_of(exception), "ValueError: no such room");
    }

    #[test]
    fn go_gives_its_panic() {
        let panic = "panic: no such room\n\ngoroutine 1 [running]:\nmain.main()\n\t/chat.go:7 +0x2";
        assert_eq!(explanation_of(panic), "panic: no such room");
        let fatal = "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n\nruntime \
                     stack:\nruntime.throw()";
        assert_eq!(explanation_of(fatal), "fatal error: stack overflow");
    }

    #[test]
    fn javascript_gives_the_message_of_the_exception() {
        let stack = "no such room\nStack:\n  receivedText@chat.js:5:29\n\nRedirecting call to abort() to mozalloc_abort\n";
        assert_eq!(explanation_of(stack), "no such room");
        let no_stack = "\"no such room\"\nRedirecting call to abort() to mozalloc_abort\n";
        assert_eq!(explanation_of(no_stack), "\"no such room\"");
        let quickjs = "thread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:\nFailed to call \
                       'receivedText': Exception(Exception { message: Some(\"no such room\"), stack: Some(\"\") })\n\
                       note: run with `RUST_BACKTRACE=1`";
        assert_eq!(explanation_of(quickjs), "no such room");
    }

    #[test]
    fn earlier_events_explain_nothing() {
        let stderr = RecentStderr::default();
        stderr.add("panic: an earlier event");
        stderr.clear();
        assert_eq!(stderr.explanation(), "");
        stderr.add("this event");
        assert_eq!(stderr.explanation(), "this event");
    }

    #[test]
    fn long_lines_and_messages_are_shortened() {
        let long = "x".repeat(10 * MAX_LENGTH);
        assert_eq!(explanation_of(&long).len(), MAX_LENGTH);
        let panic = format!("thread 'a' panicked at b:1:2:\n{}", format!("{long}\n").repeat(9));
        let explanation = explanation_of(&panic);
        assert_eq!(explanation.len(), MAX_LENGTH + " (b:1:2)".len());
        assert!(explanation.ends_with("x (b:1:2)"));
    }
}
