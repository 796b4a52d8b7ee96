//! Bytes that wait until the socket has room.

use std::io::{ErrorKind, Result, Write};

/// Bytes that the socket did not accept yet. The memory is kept, because messages of the same
/// length follow.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: Vec<u8>,
    written: usize,
}

impl Outgoing {
    /// Returns whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes these bytes after those that wait. What the socket does not accept waits as well.
    pub(super) fn send(&mut self, bytes: &[u8], stream: &mut impl Write) -> Result<()> {
        let written = if self.is_empty() { write(bytes, stream)? } else { 0 };
        self.waiting.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Writes what the socket accepts now.
    pub(super) fn flush(&mut self, stream: &mut impl Write) -> Result<()> {
        self.written += write(&self.waiting[self.written..], stream)?;
        if self.written == self.waiting.len() {
            self.waiting.clear();
            self.written = 0;
        }
        Ok(())
    }
}

/// Writes until everything is written or the socket is full, and returns how many bytes it
/// accepted.
fn write(bytes: &[u8], stream: &mut impl Write) -> Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts three bytes, and nothing at the next write.
    #[derive(Default)]
    struct Narrow {
        taken: Vec<u8>,
        is_full: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.is_full = !self.is_full;
            if !self.is_full {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(3);
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bytes_that_did_not_fit_are_written_later_in_order() {
        let (mut narrow, mut outgoing) = (Narrow::default(), Outgoing::default());
        outgoing.send(b"hello", &mut narrow).unwrap();
        assert_eq!(narrow.taken, b"hel");
        outgoing.send(b" world", &mut narrow).unwrap();
        assert_eq!(narrow.taken, b"hel");
        while !outgoing.is_empty() {
            outgoing.flush(&mut narrow).unwrap();
        }
        assert_eq!(narrow.taken, b"hello world");
        narrow.is_full = false;
        outgoing.send(b"!", &mut narrow).unwrap();
        assert!(outgoing.is_empty());
    }
}
