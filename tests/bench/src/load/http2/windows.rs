//! Flow control (RFC 9113 §5.2, §6.9): what the server lets us send, and what we let it send.

use anyhow::{Result, ensure};

/// What every window begins with (§6.9.2).
const INITIAL: i64 = 65_535;

/// The widest window that there is.
const WIDEST: i64 = (1 << 31) - 1;

/// What the server may have: all that there is, so that it never waits for us.
pub(super) const STREAM_WINDOW: u32 = WIDEST as u32;

/// The windows of a connection and its streams.
#[derive(Debug)]
pub(super) struct Windows {
    connection: i64,
    streams: Vec<i64>,
    /// What a stream begins with.
    initial: i64,
    /// Octets that the server has sent since it was last told that it may send more.
    received: i64,
}

impl Windows {
    pub(super) fn new() -> Self {
        Self { connection: INITIAL, streams: Vec::new(), initial: INITIAL, received: 0 }
    }

    /// By how much the window of the connection is opened at its beginning.
    pub(super) fn opening() -> u32 {
        (WIDEST - INITIAL) as u32
    }

    /// One stream more.
    pub(super) fn add_stream(&mut self) {
        self.streams.push(self.initial);
    }

    /// SETTINGS_INITIAL_WINDOW_SIZE, which changes the streams that there are too (§6.9.2).
    pub(super) fn begin_with(&mut self, initial: u32) {
        let change = i64::from(initial) - self.initial;
        self.initial += change;
        self.streams.iter_mut().for_each(|window| *window += change);
    }

    /// The server takes more on the connection.
    pub(super) fn widen(&mut self, octets: i64) {
        self.connection += octets;
    }

    /// The server takes more on a stream.
    pub(super) fn widen_stream(&mut self, index: usize, octets: i64) {
        self.streams[index] += octets;
    }

    /// Whether the server takes so many octets on a stream now; they are sent then.
    pub(super) fn try_take(&mut self, index: usize, octets: usize) -> bool {
        let (octets, stream) = (octets as i64, &mut self.streams[index]);
        let is_room = octets <= *stream && octets <= self.connection;
        if is_room {
            *stream -= octets;
            self.connection -= octets;
        }
        is_room
    }

    /// Counts what the server has sent; tells by how much its window has to be opened again, if it is
    /// time. That of a stream lasts for longer than anybody measures.
    pub(super) fn receive(&mut self, octets: usize) -> Result<Option<u32>> {
        self.received += octets as i64;
        ensure!(self.received <= WIDEST, "the server sends more than it may");
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
    fn new_beginning_changes_the_streams_that_there_are() {
        let mut windows = Windows::new();
        windows.widen(1_000_000);
        windows.add_stream();
        assert!(windows.try_take(0, 60_000));
        windows.begin_with(50_000);
        windows.add_stream();
        assert!(!windows.try_take(0, 1) && windows.try_take(1, 50_000) && !windows.try_take(1, 1));
    }

    #[test]
    fn server_is_told_before_its_window_is_closed() {
        let mut windows = Windows::new();
        assert_eq!(windows.receive(1_000_000_000).unwrap(), None);
        assert_eq!(windows.receive(500_000_000).unwrap(), Some(1_500_000_000));
        assert_eq!(windows.receive(1).unwrap(), None);
    }
}
