//! The lines of standard input, read by a thread of their own: a runtime cannot end while one of its
//! threads waits for a terminal.

use std::io::{BufRead, BufReader, Read};

use tokio::sync::mpsc;

/// The longest line, in octets: the longest message of the Autobahn TestSuite, which takes a person
/// some days to type.
pub(super) const MAX_LINE: usize = 16 << 20;

/// How many lines are read ahead. The session sends them one after the other.
const READ_AHEAD: usize = 16;

/// Who writes the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A person, who sees what becomes of each line.
    Terminal,
    /// A program, or a file.
    Pipe,
}

/// The input, as it is read.
pub(super) type Lines = mpsc::Receiver<Result<String, InputError>>;

/// Why a line cannot be sent. After one that is not UTF-8 the input goes on.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("the input cannot be read behind line {line}: {source}")]
    Io { line: u64, source: std::io::Error },
    #[error(
        "line {line} of the input is longer than {MAX_LINE} octets: neither it nor what follows is sent"
    )]
    TooLong { line: u64 },
    #[error(
        "line {line} of the input is not UTF-8 and is not sent; the command /binary HEX sends octets"
    )]
    Utf8 { line: u64 },
}

impl InputError {
    /// Whether no more lines follow.
    pub(super) fn is_last(&self) -> bool {
        !matches!(self, Self::Utf8 { .. })
    }
}

/// The lines of standard input, without their ends.
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

/// The line of this number. It ends with LF or CRLF; the last one may have no end, and then a CR is its own.
fn read_line(input: &mut impl BufRead, number: u64) -> Result<Option<String>, InputError> {
    let mut bytes = Vec::new();
    // Room for the end of the line, which may be two octets.
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
    fn line_has_no_end_of_line_in_it() {
        assert_eq!(lines_of(b"a\nb\r\n\n c \nd"), ["a", "b", "", " c ", "d"]);
        assert_eq!(lines_of(b"a\r\r\nb\r"), ["a\r", "b\r"]);
        assert_eq!(lines_of(b""), [""; 0]);
    }

    #[test]
    fn line_without_an_end_is_not_read_for_ever() {
        let mut endless = BufReader::new(std::io::repeat(b'x'));
        let error = read_line(&mut endless, 7).unwrap_err();
        assert!(error.is_last() && error.to_string().contains("line 7"), "{error}");
    }

    #[test]
    fn line_that_is_not_text_is_told_by_its_number() {
        let error = read_line(&mut &b"\xff\n"[..], 7).unwrap_err();
        assert!(!error.is_last() && error.to_string().contains("line 7"), "{error}");
    }
}
