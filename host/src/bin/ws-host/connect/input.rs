//! Reads the lines of standard input on a separate thread. A blocking thread of the runtime cannot do this, because the
//! runtime could not shut down while that thread waits for a terminal.

use std::io::{BufRead, BufReader, Read};

use tokio::sync::mpsc;

/// The maximum length of a line, in bytes. This is the length of the longest message in the Autobahn TestSuite.
pub(super) const MAX_LINE: usize = 16 << 20;

/// How many lines are read ahead. The session sends them one by one.
const READ_AHEAD: usize = 16;

/// The source of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A person at a terminal, who sees the result of each line.
    Terminal,
    /// A program, or a file.
    Pipe,
}

/// The channel of the input lines.
pub(super) type Lines = mpsc::Receiver<Result<String, InputError>>;

/// Why a line cannot be sent. More lines follow only after [`InputError::Utf8`].
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("the input cannot be read after line {line}: {source}")]
    Io { line: u64, source: std::io::Error },
    #[error(
        "line {line} of the input is longer than {MAX_LINE} bytes: this line and all following lines are not sent"
    )]
    TooLong { line: u64 },
    #[error(
        "line {line} of the input is not UTF-8 and is not sent; to send bytes, use the command /binary HEX (in a \
         pipe, pass --commands)"
    )]
    Utf8 { line: u64 },
}

impl InputError {
    /// Returns whether no more lines follow.
    pub(super) fn is_last(&self) -> bool {
        !matches!(self, Self::Utf8 { .. })
    }
}

/// Starts to read standard input. Returns the lines without their line endings.
pub(super) fn lines() -> Lines {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        for number in 1.. {
            let Some(line) = read_line(&mut input, number).transpose() else { return };
            let is_last = line.as_ref().is_err_and(InputError::is_last);
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// Reads a line. `number` is the number of the line, for errors. A line ends with LF or CRLF. The last line may end
/// without either. A CR at the end of such a line is a part of the message.
fn read_line(input: &mut impl BufRead, number: u64) -> Result<Option<String>, InputError> {
    let mut bytes = Vec::new();
    // The line ending takes up to two more bytes.
    let read = input.take(MAX_LINE as u64 + 2).read_until(b'\n', &mut bytes);
    if read.map_err(|source| InputError::Io { line: number - 1, source })? == 0 {
        return Ok(None);
    }
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    }
    if bytes.len() > MAX_LINE {
        return Err(InputError::TooLong { line: number });
    }
    String::from_utf8(bytes).map(Some).map_err(|_| InputError::Utf8 { line: number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(mut input: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| read_line(&mut input, 1).unwrap()).collect()
    }

    #[test]
    fn line_endings_are_removed() {
        assert_eq!(lines_of(b"a\nb\r\n\n c \nd"), ["a", "b", "", " c ", "d"]);
        assert_eq!(lines_of(b"a\r\r\nb\r"), ["a\r", "b\r"]);
        assert_eq!(lines_of(b""), [""; 0]);
    }

    #[test]
    fn endless_line_is_an_error() {
        let mut endless = BufReader::new(std::io::repeat(b'x'));
        let error = read_line(&mut endless, 7).unwrap_err();
        assert!(error.is_last() && error.to_string().contains("line 7"), "{error}");
    }

    #[test]
    fn line_that_is_not_utf8_is_reported_with_its_number() {
        let error = read_line(&mut &b"\xff\n"[..], 7).unwrap_err();
        assert!(!error.is_last() && error.to_string().contains("line 7"), "{error}");
    }
}
