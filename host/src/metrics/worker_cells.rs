//! What is counted for each message, or each event: cells of one resource on one worker.

use super::catalog::EVENTS;
use super::cell::Counter;
use super::histogram::Histogram;

/// The cells of a resource on one worker. Almost only that worker writes them, so that counting a message does not
/// move a cache line between cores. Workers of other clients' actors write `sent` when they send to these clients.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct WorkerCells {
    received_messages: Counter,
    received_bytes: Counter,
    sent_messages: Counter,
    sent_bytes: Counter,
    deliveries: Counter,
    events: [EventCells; EVENTS.len()],
}

/// The times of the calls for one kind of event.
#[derive(Debug, Default)]
pub(crate) struct EventCells {
    pub(crate) time: Histogram,
    pub(crate) cpu: Histogram,
}

impl WorkerCells {
    /// Counts a message of a client.
    #[inline(always)]
    pub(crate) fn received(&self, bytes: usize) {
        self.received_messages.increment();
        self.received_bytes.add(bytes as u64);
    }

    /// Counts a message to a client.
    #[inline(always)]
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent_messages.increment();
        self.sent_bytes.add(bytes as u64);
    }

    /// Counts a message of a topic or a tag for one client.
    #[inline(always)]
    pub(crate) fn delivered(&self) {
        self.deliveries.increment();
    }

    /// Returns the cells of an event, by its position in [`EVENTS`].
    pub(crate) fn event(&self, event: usize) -> &EventCells {
        &self.events[event]
    }

    /// Returns the numbers of messages and bytes that were received, and of messages and bytes that were sent, and the
    /// number of deliveries.
    pub(crate) fn traffic(&self) -> [u64; 5] {
        let Self {
            received_messages, received_bytes, sent_messages, sent_bytes, deliveries, ..
        } = self;
        [received_messages, received_bytes, sent_messages, sent_bytes, deliveries].map(Counter::get)
    }
}
