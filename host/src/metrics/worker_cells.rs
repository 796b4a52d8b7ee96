//! The metrics of messages and events. They are cells of one resource on one worker.

use super::catalog::EVENTS;
use super::cell::{Counter, Gauge};
use super::histogram::Histogram;
use super::sample::Sampling;
use super::traffic::Traffic;

/// The cells of a resource on one worker. Only that worker writes to them, so that counting does not move cache lines
/// between cores. (A client that outlives its connection is an exception.)
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct WorkerCells {
    received_messages: Counter,
    received_bytes: Counter,
    sent_messages: Counter,
    sent_bytes: Counter,
    deliveries: Counter,
    waiting: Gauge,
    events: [EventCells; EVENTS.len()],
}

/// The durations of the calls for one kind of event.
#[derive(Debug, Default)]
pub(crate) struct EventCells {
    pub(crate) sampling: Sampling,
    pub(crate) time: Histogram,
    pub(crate) cpu: Histogram,
}

impl WorkerCells {
    /// Adds the messages of a client.
    #[inline(always)]
    pub(super) fn add(&self, traffic: &Traffic) {
        self.received_messages.add(traffic.received_messages);
        self.received_bytes.add(traffic.received_bytes);
        self.sent_messages.add(traffic.sent_messages);
        self.sent_bytes.add(traffic.sent_bytes);
    }

    /// Counts the deliveries of a message to the clients of a topic or a tag: one for each client.
    pub(crate) fn delivered(&self, clients: u64) {
        self.deliveries.add(clients);
    }

    /// Updates the total of waiting bytes when a client's share changes from `old` to `new`.
    #[cold]
    pub(super) fn replace_waiting(&self, old: usize, new: usize) {
        self.waiting.add(new);
        self.waiting.subtract(old);
    }

    /// Returns how many bytes wait for clients.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Returns the cells of an event, by its position in [`EVENTS`].
    #[inline(always)]
    pub(crate) fn event(&self, event: usize) -> &EventCells {
        &self.events[event]
    }

    /// Returns the numbers of received messages and bytes, of sent messages and bytes, and of deliveries.
    pub(crate) fn traffic(&self) -> [u64; 5] {
        let Self {
            received_messages, received_bytes, sent_messages, sent_bytes, deliveries, ..
        } = self;
        [received_messages, received_bytes, sent_messages, sent_bytes, deliveries].map(Counter::get)
    }
}
