//! What is printed: messages to standard output, everything else to standard error.

use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use ws_host::client::Received;

/// How many lines wait for standard output. More help nobody: the reader is slower.
const WAITING: usize = 16;

/// How messages are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) form: Form,
    pub(super) control: Control,
}

/// Whether a line tells more than the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Direction and kind stand before the message.
    Told,
    /// The message alone; pongs are none.
    Plain,
}

/// What becomes of control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Escaped,
    Raw,
}

/// Standard output, written by a thread of its own: whoever reads it may be slow.
pub(super) struct Output {
    style: Style,
    lines: mpsc::Sender<String>,
    done: oneshot::Receiver<io::Result<()>>,
}

/// Room for one more line.
pub(super) struct Room {
    style: Style,
    line: mpsc::OwnedPermit<String>,
}

/// Nothing can be written to standard output any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl Output {
    pub(super) fn start(style: Style) -> Self {
        let (lines, mut waiting) = mpsc::channel::<String>(WAITING);
        let (ended, done) = oneshot::channel();
        std::thread::spawn(move || {
            let mut output = std::io::stdout();
            let mut written = Ok(());
            while written.is_ok()
                && let Some(line) = waiting.blocking_recv()
            {
                written = output.write_all(line.as_bytes()).and_then(|()| output.flush());
            }
            drop(waiting);
            // Nobody waits for it when the program ends by a signal.
            let _ = ended.send(written);
        });
        Self { style, lines, done }
    }

    /// Waits for room: whoever reads the output may be slow.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn room(&self) -> Result<Room, Closed> {
        let line = self.lines.clone().reserve_owned().await.map_err(|_| Closed)?;
        Ok(Room { style: self.style, line })
    }

    /// Waits until everything is written, or nothing can be written any more.
    pub(super) async fn finish(self) -> io::Result<()> {
        drop(self.lines);
        // The thread does not panic.
        self.done.await.unwrap_or(Ok(()))
    }
}

impl Room {
    /// Prints what the server sent.
    pub(super) fn print(self, received: &Received) {
        if let Some(line) = self.style.line(received) {
            self.line.send(line);
        }
    }

    /// Prints the pong that answers a ping of ours.
    pub(super) fn print_pong(self, payload: &str, time: Duration) {
        if self.style.form == Form::Told {
            self.line.send(pong_line(payload, time));
        }
    }
}

impl Style {
    fn line(self, received: &Received) -> Option<String> {
        let (kind, message) = match received {
            Received::Text(text) => ("text", self.text(text)),
            Received::Binary(bytes) => ("binary", hex(bytes)),
            Received::Pong(payload) => ("pong", printable(&String::from_utf8_lossy(payload))),
            _ => return None,
        };
        match self.form {
            Form::Plain if kind == "pong" => None,
            Form::Plain => Some(message + "\n"),
            Form::Told if message.is_empty() => Some(format!("< {kind}\n")),
            Form::Told => Some(format!("< {kind} {message}\n")),
        }
    }

    fn text(self, text: &str) -> String {
        match self.control {
            Control::Escaped => printable(text),
            Control::Raw => text.to_owned(),
        }
    }
}

/// Says something on standard error.
pub(super) fn tell(text: &str) {
    // Nothing is left to be done about a standard error that is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Text without control characters: what a server sends must not move the cursor of whoever reads
/// it, nor look like another line.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn pong_line(payload: &str, time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match payload {
        "" => format!("< pong ({milliseconds:.1} ms)\n"),
        payload => format!("< pong {} ({milliseconds:.1} ms)\n", printable(payload)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Style = Style { form: Form::Told, control: Control::Escaped };
    const PIPE: Style = Style { form: Form::Plain, control: Control::Raw };

    fn told(received: &Received) -> String {
        TOLD.line(received).unwrap()
    }

    #[test]
    fn lines_tell_direction_and_kind() {
        assert_eq!(told(&Received::Text("hello".into())), "< text hello\n");
        assert_eq!(told(&Received::Text(String::new())), "< text\n");
        assert_eq!(told(&Received::Binary(vec![1, 2, 255])), "< binary 01 02 ff\n");
        assert_eq!(told(&Received::Pong(b"x".into())), "< pong x\n");
        assert_eq!(pong_line("x", Duration::from_micros(340)), "< pong x (0.3 ms)\n");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let nasty = Received::Text("a\u{1b}[2J\nb\u{9b}c\t\u{7f}".into());
        assert_eq!(told(&nasty), "< text a\\u{1b}[2J\\nb\\u{9b}c\t\\u{7f}\n");
        assert_eq!(told(&Received::Pong(b"\x1b\xff".into())), "< pong \\u{1b}\u{fffd}\n");
        let terminal = Style { form: Form::Plain, control: Control::Escaped };
        assert_eq!(terminal.line(&nasty).unwrap(), "a\\u{1b}[2J\\nb\\u{9b}c\t\\u{7f}\n");
    }

    #[test]
    fn pipe_gets_messages_as_they_are() {
        assert_eq!(PIPE.line(&Received::Text("a\u{1b}".into())).unwrap(), "a\u{1b}\n");
        assert_eq!(PIPE.line(&Received::Binary(vec![1, 2])).unwrap(), "01 02\n");
        assert_eq!(PIPE.line(&Received::Pong(b"x".into())), None);
    }
}
