//! Counters of a host's membership in its cluster.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of reasons to drop a message.
const REASONS: usize = 8;

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// There was no connection to the broker, or it ended before the message was sent.
    Link,
    /// The outbox was full when the message was put into it.
    Full,
    /// The message is longer than the broker accepts.
    TooLong,
    /// When the message was about to be sent, this host no longer owned the actor that had published it.
    NotOwner,
    /// The message was received while the workers' delivery queues were full.
    NoRoom,
    /// Messages were received faster than they could be taken from the connection.
    Overflow,
    /// The received message did not come from a host or a backend.
    Malformed,
    /// The message arrived out of order: a message from a newer connection of the same host arrived first.
    Late,
}

impl Dropped {
    const ALL: [(Self, &str); REASONS] = [
        (Self::Link, "link"),
        (Self::Full, "full"),
        (Self::TooLong, "too-long"),
        (Self::NotOwner, "not-owner"),
        (Self::NoRoom, "no-room"),
        (Self::Overflow, "overflow"),
        (Self::Malformed, "malformed"),
        (Self::Late, "late"),
    ];
}

/// The numbers of messages that a member has sent, received and dropped.
#[derive(Debug, Default)]
pub(super) struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
    dropped: [AtomicU64; REASONS],
}

impl Counters {
    pub(super) fn add_sent(&self, messages: usize) {
        self.sent.fetch_add(messages as u64, Ordering::Relaxed);
    }

    pub(super) fn add_received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_dropped(&self, why: Dropped, messages: usize) {
        self.dropped[why as usize].fetch_add(messages as u64, Ordering::Relaxed);
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns the number of dropped messages for every reason.
    pub(super) fn dropped(&self) -> BTreeMap<&'static str, u64> {
        let count = |(why, name)| (name, self.dropped[why as usize].load(Ordering::Relaxed));
        Dropped::ALL.map(count).into()
    }
}
