//! Prints messages to standard output and everything else to standard error.

use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use ws_host::client::Received;
use ws_host::{Tabs, printable};

/// How many lines may wait for standard output. A longer queue would not help a slow reader.
const MAX_QUEUED_LINES: usize = 16;

/// How messages are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) format: LineFormat,
    pub(super) control_chars: ControlChars,
}

/// The lines that are printed, and their format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// Direction and kind, followed by the message. Pongs are printed too.
    Labeled,
    /// Only messages, without labels. Pongs are not printed.
    Plain,
}

/// How control characters, and characters that hide or reorder text, are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ControlChars {
    Escaped,
    Raw,
}

/// Standard output. A separate thread writes to it, because its reader may be slow.
pub(super) struct Output {
    style: Style,
    lines: mpsc::Sender<String>,
    done: oneshot::Receiver<io::Result<()>>,
}

/// A permit to print one line.
pub(super) struct LinePermit {
    style: Style,
    line: mpsc::OwnedPermit<String>,
}

/// The error returned when standard output accepts no more lines, because a write failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutputClosed;

impl Output {
    /// Starts the thread that writes to standard output.
    pub(super) fn start(style: Style) -> Self {
        let (lines, mut queue) = mpsc::channel::<String>(MAX_QUEUED_LINES);
        let (finished, done) = oneshot::channel();
        std::thread::spawn(move || {
            let mut output = std::io::stdout();
            let mut written = Ok(());
            while written.is_ok()
                && let Some(line) = queue.blocking_recv()
            {
                written = output.write_all(line.as_bytes()).and_then(|()| output.flush());
            }
            drop(queue);
            // Sending fails if a signal is ending the program, because then nobody receives the result.
            let _ = finished.send(written);
        });
        Self { style, lines, done }
    }

    /// Waits until one more line can be queued.
    ///
    /// # Errors
    ///
    /// [`OutputClosed`] if a write has failed.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn reserve(&self) -> Result<LinePermit, OutputClosed> {
        let line = self.lines.clone().reserve_owned().await.map_err(|_| OutputClosed)?;
        Ok(LinePermit { style: self.style, line })
    }

    /// Waits until all lines are written.
    ///
    /// # Errors
    ///
    /// The error of the write that failed. The lines that follow the failed one were not written.
    pub(super) async fn finish(self) -> io::Result<()> {
        drop(self.lines);
        // This does not fail, because the thread does not panic.
        self.done.await.unwrap_or(Ok(()))
    }
}

impl LinePermit {
    /// Prints a message or pong from the server, if the style shows it.
    pub(super) fn print(self, received: &Received) {
        if let Some(line) = self.style.line(received) {
            self.line.send(line);
        }
    }

    /// Prints the pong that answers a `/ping`, and the round-trip time.
    pub(super) fn print_pong(self, payload: &str, time: Duration) {
        if self.style.format == LineFormat::Labeled {
            self.line.send(pong_line(payload, time));
        }
    }
}

impl Style {
    fn line(self, received: &Received) -> Option<String> {
        let (kind, message) = match received {
            Received::Text(text) => ("text", self.text(text)),
            Received::Binary(bytes) => ("binary", hex(bytes)),
            Received::Pong(payload) => {
                ("pong", printable(&String::from_utf8_lossy(payload), Tabs::Kept))
            }
            _ => return None,
        };
        match self.format {
            LineFormat::Plain if kind == "pong" => None,
            LineFormat::Plain => Some(message + "\n"),
            LineFormat::Labeled if message.is_empty() => Some(format!("< {kind}\n")),
            LineFormat::Labeled => Some(format!("< {kind} {message}\n")),
        }
    }

    fn text(self, text: &str) -> String {
        match self.control_chars {
            ControlChars::Escaped => printable(text, Tabs::Kept),
            ControlChars::Raw => text.to_owned(),
        }
    }
}

/// Prints a line to standard error.
pub(super) fn report(text: &str) {
    // If standard error is closed, there is nowhere left to report that.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn pong_line(payload: &str, time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match payload {
        "" => format!("< pong ({milliseconds:.1} ms)\n"),
        payload => format!("< pong {} ({milliseconds:.1} ms)\n", printable(payload, Tabs::Kept)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELED: Style =
        Style { format: LineFormat::Labeled, control_chars: ControlChars::Escaped };
    const PIPE: Style = Style { format: LineFormat::Plain, control_chars: ControlChars::Raw };

    fn labeled(received: &Received) -> String {
        LABELED.line(received).unwrap()
    }

    #[test]
    fn lines_are_labeled_with_direction_and_kind() {
        assert_eq!(labeled(&Received::Text("hello".into())), "< text hello\n");
        assert_eq!(labeled(&Received::Text(String::new())), "< text\n");
        assert_eq!(labeled(&Received::Binary(vec![1, 2, 255])), "< binary 01 02 ff\n");
        assert_eq!(labeled(&Received::Pong(b"x".into())), "< pong x\n");
        assert_eq!(pong_line("x", Duration::from_micros(340)), "< pong x (0.3 ms)\n");
    }

    #[test]
    fn text_that_reaches_a_terminal_is_printable() {
        let nasty = Received::Text("a\u{1b}[2J\nb\u{9b}c\t\u{7f}\u{202e}".into());
        assert_eq!(labeled(&nasty), "< text a\\u{1b}[2J\\nb\\u{9b}c\t\\u{7f}\\u{202e}\n");
        assert_eq!(labeled(&Received::Pong(b"\x1b\xff".into())), "< pong \\u{1b}\u{fffd}\n");
        let terminal = Style { format: LineFormat::Plain, control_chars: ControlChars::Escaped };
        assert_eq!(terminal.line(&nasty).unwrap(), "a\\u{1b}[2J\\nb\\u{9b}c\t\\u{7f}\\u{202e}\n");
    }

    #[test]
    fn pipe_gets_messages_unchanged() {
        assert_eq!(
            PIPE.line(&Received::Text("a\u{1b}\u{202e}".into())).unwrap(),
            "a\u{1b}\u{202e}\n"
        );
        assert_eq!(PIPE.line(&Received::Binary(vec![1, 2])).unwrap(), "01 02\n");
        assert_eq!(PIPE.line(&Received::Pong(b"x".into())), None);
    }
}
