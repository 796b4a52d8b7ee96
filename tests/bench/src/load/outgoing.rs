//! Octets that wait until the socket has room for them.

use std::io::{ErrorKind, Result, Write};

/// What a socket did not take yet. It keeps its memory: messages of one length follow each other.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: Vec<u8>,
    written: usize,
}

impl Outgoing {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes these octets behind what waits; what the socket does not take waits too.
    pub(super) fn send(&mut self, octets: &[u8], stream: &mut impl Write) -> Result<()> {
        let written = if self.is_empty() { write(octets, stream)? } else { 0 };
        self.waiting.extend_from_slice(&octets[written..]);
        Ok(())
    }

    /// Writes what the socket takes now.
    pub(super) fn flush(&mut self, stream: &mut impl Write) -> Result<()> {
        self.written += write(&self.waiting[self.written..], stream)?;
        if self.written == self.waiting.len() {
            self.waiting.clear();
            self.written = 0;
        }
        Ok(())
    }
}

/// Writes until all is written or the socket is full; tells how many octets it took.
fn write(octets: &[u8], stream: &mut impl Write) -> Result<usize> {
    let mut written = 0;
    while written < octets.len() {
        match stream.write(&octets[written..]) {
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

    /// Takes three octets, then none until it is asked again.
    #[derive(Default)]
    struct Narrow {
        taken: Vec<u8>,
        is_full: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, octets: &[u8]) -> Result<usize> {
            self.is_full = !self.is_full;
            if !self.is_full {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = octets.len().min(3);
            self.taken.extend_from_slice(&octets[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_did_not_fit_is_written_later_and_in_order() {
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
