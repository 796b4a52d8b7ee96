//! Reads lines and blocks of a known length from a stream.

use std::io::ErrorKind;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::error::PeerError;
use super::opening::MAX_LINE;

/// How much is read at once, in bytes.
const READ_SIZE: usize = 4096;

/// A stream, and the bytes that were read ahead from it.
pub(super) struct Reader<'a, S> {
    pub(super) stream: &'a mut S,
    ahead: Vec<u8>,
}

impl<'a, S: AsyncRead + Unpin> Reader<'a, S> {
    pub(super) fn new(stream: &'a mut S) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// Returns the bytes that were read ahead.
    pub(super) fn rest(self) -> Vec<u8> {
        self.ahead
    }

    /// Reads a line of at most [`MAX_LINE`] bytes, and returns it without its line end.
    pub(super) async fn line(&mut self) -> Result<Vec<u8>, PeerError> {
        let mut searched = 0;
        loop {
            let found = self.ahead[searched..].windows(2).position(|pair| pair == b"\r\n");
            let end = found.map(|end| searched + end);
            if end.unwrap_or(self.ahead.len()) > MAX_LINE {
                return Err(PeerError::Invalid("a line is too long"));
            }
            if let Some(end) = end {
                let rest = self.ahead.split_off(end + 2);
                let mut line = std::mem::replace(&mut self.ahead, rest);
                line.truncate(end);
                return Ok(line);
            }
            searched = self.ahead.len().saturating_sub(1);
            self.read(READ_SIZE).await?;
        }
    }

    /// Reads the first line of a host, which begins with these words. Returns the rest of the line. Refuses anything
    /// else as soon as it differs, because a peer that speaks TLS waits for a response and never sends a line end.
    pub(super) async fn greeting(&mut self, words: &str) -> Result<Vec<u8>, PeerError> {
        loop {
            let length = self.ahead.len().min(words.len());
            if self.ahead[..length] != words.as_bytes()[..length] {
                return Err(PeerError::Invalid("its first line is not the greeting of a host"));
            }
            if length == words.len() {
                return Ok(self.line().await?.split_off(length));
            }
            self.read(READ_SIZE).await?;
        }
    }

    /// Reads exactly `length` bytes.
    pub(super) async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, PeerError> {
        while self.ahead.len() < length {
            self.read(length - self.ahead.len()).await?;
        }
        let rest = self.ahead.split_off(length);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    /// Reads more bytes, at most `limit`.
    async fn read(&mut self, limit: usize) -> Result<(), PeerError> {
        self.ahead.reserve(limit);
        if (&mut *self.stream).take(limit as u64).read_buf(&mut self.ahead).await? == 0 {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}
