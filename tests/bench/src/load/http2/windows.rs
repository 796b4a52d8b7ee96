//! Flow control (RFC 9113 §5.2, §6.9): how much each end may send.

use anyhow::{Result, ensure};

/// The initial size of every window (§6.9.2).
const INITIAL: i64 = 65_535;

/// The maximum size of a window.
const WIDEST: i64 = (1 << 31) - 1;

/// The window of the server's streams: the maximum, so that the server never waits for us.
pub(super) const STREAM_WINDOW: u32 = WIDEST as u32;

/// The windows of a connection and its streams.
#[derive(Debug)]
pub(super) struct Windows {
    connection: i64,
    streams: Vec<i64>,
    /// The initial size of a stream's window.
    initial: i64,
    /// Bytes that the server has sent since its window was last updated.
    received: i64,
}

impl Windows {
    pub(super) fn new() -> Self {
        Self { connection: INITIAL, streams: Vec::new(), initial: INITIAL, received: 0 }
    }

    /// Returns by how much to enlarge the connection's window at its beginning.
    pub(super) fn opening() -> u32 {
        (WIDEST - INITIAL) as u32
    }

    /// Adds a stream.
    pub(super) fn add_stream(&mut self) {
        self.streams.push(self.initial);
    }

    /// Applies SETTINGS_INITIAL_WINDOW_SIZE, which also changes the existing streams (§6.9.2).
    pub(super) fn set_initial(&mut self, initial: u32) {
        let change = i64::from(initial) - self.initial;
        self.initial += change;
        self.streams.iter_mut().for_each(|window| *window += change);
    }

    /// Enlarges the connection's window.
    pub(super) fn widen(&mut self, bytes: i64) {
        self.connection += bytes;
    }

    /// Enlarges a stream's window.
    pub(super) fn widen_stream(&mut self, index: usize, bytes: i64) {
        self.streams[index] += bytes;
    }

    /// Takes `bytes` bytes from the windows of a stream and the connection. Returns `false`, and
    /// takes nothing, if one of them is too small.
    pub(super) fn try_take(&mut self, index: usize, bytes: usize) -> bool {
        let (bytes, stream) = (bytes as i64, &mut self.streams[index]);
        let is_room = bytes <= *stream && bytes <= self.connection;
        if is_room {
            *stream -= bytes;
            self.connection -= bytes;
        }
        is_room
    }

    /// Counts received bytes and returns by how much to enlarge the server's window, if it is time
    /// to.
    ///
    /// The windows of streams are not enlarged: they last longer than any measurement.
    pub(super) fn receive(&mut self, bytes: usize) -> Result<Option<u32>> {
        self.received += bytes as i64;
        ensure!(self.received <= WIDEST, "the server exceeded its window");
        if self.received < WIDEST / 2 {
            return Ok(None);
        }
        let received = u32::try_from(self.received)?;
        self.received = 0;
        Ok(Some(received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_windows_must_have_room() {
        let mut windows = Windows::new();
        windows.add_stream();
        windows.add_stream();
        assert!(windows.try_take(0, 60_000));
        assert!(!windows.try_take(0, 6_000) && !windows.try_take(1, 6_000));
        windows.widen(1_000_000);
        assert!(!windows.try_take(0, 6_000));
        assert!(windows.try_take(1, 6_000));
        windows.widen_stream(0, 1_000);
        assert!(windows.try_take(0, 6_000));
    }

    #[test]
    fn new_initial_size_changes_the_existing_streams() {
        let mut windows = Windows::new();
        windows.widen(1_000_000);
        windows.add_stream();
        assert!(windows.try_take(0, 60_000));
        windows.set_initial(50_000);
        windows.add_stream();
        assert!(!windows.try_take(0, 1) && windows.try_take(1, 50_000) && !windows.try_take(1, 1));
    }

    #[test]
    fn window_is_enlarged_before_it_is_exhausted() {
        let mut windows = Windows::new();
        assert_eq!(windows.receive(1_000_000_000).unwrap(), None);
        assert_eq!(windows.receive(500_000_000).unwrap(), Some(1_500_000_000));
        assert_eq!(windows.receive(1).unwrap(), None);
    }
}
