//! The lines of standard input, read by a thread of their own: a runtime cannot end while one of its
//! threads waits for a terminal.

use std::io::{BufRead, BufReader, Read};

use tokio::sync::mpsc;

/// The longest line, in octets: the longest message of the Autobahn TestSuite, which takes a person
/// some days to type.
pub(super) const MAX_LINE: usize = 16 << 20;

/// How many lines are read ahead. The session sends them one after the other.
const READ_AHEAD: usize = 16;

/// Why a line cannot be sent. After one that is not UTF-8 the input goes on.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("cannot read the input: {0}")]
    Io(#[from] std::io::Error),
    #[error("a line of the input is longer than {MAX_LINE} octets")]
    TooLong,
    #[error("a line of the input is not UTF-8 and was not sent; /binary sends octets")]
    Utf8(#[from] std::string::FromUtf8Error),
}

impl InputError {
    /// Whether no more lines follow.
    pub(super) fn is_last(&self) -> bool {
        !matches!(self, Self::Utf8(_))
    }
}

/// The lines of standard input, without their ends.
pub(super) fn lines() -> mpsc::Receiver<Result<String, InputError>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        while let Some(line) = read_line(&mut input).transpose() {
            let is_last = line.as_ref().is_err_and(InputError::is_last);
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

fn read_line(input: &mut impl BufRead) -> Result<Option<String>, InputError> {
    let mut line = Vec::new();
    // Room for the end of the line, which may be two octets.
    if input.take(MAX_LINE as u64 + 2).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    if line.len() > MAX_LINE {
        return Err(InputError::TooLong);
    }
    Ok(Some(String::from_utf8(line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(mut input: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| read_line(&mut input).unwrap()).collect()
    }

    #[test]
    fn line_has_no_end_of_line_in_it() {
        assert_eq!(lines_of(b"a\nb\r\n\n c \nd"), ["a", "b", "", " c ", "d"]);
        assert_eq!(lines_of(b""), [""; 0]);
    }

    #[test]
    fn line_without_an_end_is_not_read_for_ever() {
        let mut endless = BufReader::new(std::io::repeat(b'x'));
        assert!(matches!(read_line(&mut endless), Err(InputError::TooLong)));
    }

    #[test]
    fn line_that_is_not_text_is_an_error() {
        assert!(matches!(read_line(&mut &b"\xff\n"[..]), Err(InputError::Utf8(_))));
    }
}
