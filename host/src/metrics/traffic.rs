//! Counts the messages of a client. The client's connection later adds these counts to the cells of the worker.

use tokio::time::Instant;

use super::worker_cells::WorkerCells;

/// The messages of a client since its connection last wrote output, and the output that waits for the client.
///
/// These are plain numbers, because they change only while the lock on the client's outbound side is held. The
/// connection adds them to the cells once for each write. This happens before the client can see the output.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(super) received_messages: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_messages: u64,
    pub(super) sent_bytes: u64,
    /// How many waiting bytes of this client are currently counted in the cells.
    waiting: usize,
    /// Everything that was added to the cells so far. `None` unless the access log needs it.
    totals: Option<Box<ClientTotals>>,
}

/// The messages of a client since its handshake, for the access log.
#[derive(Clone, Debug)]
pub(crate) struct ClientTotals {
    /// When the host began to handle the client's handshake.
    pub(crate) since: Instant,
    pub(crate) received_messages: u64,
    pub(crate) received_bytes: u64,
    pub(crate) sent_messages: u64,
    pub(crate) sent_bytes: u64,
}

impl Traffic {
    /// Counts a message from the client.
    #[inline(always)]
    pub(crate) fn received(&mut self, bytes: usize) {
        self.received_messages += 1;
        self.received_bytes += bytes as u64;
    }

    /// Counts a message to the client.
    #[inline(always)]
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent_messages += 1;
        self.sent_bytes += bytes as u64;
    }

    /// Adds the messages to the cells.
    #[inline(always)]
    pub(crate) fn flush(&mut self, cells: &WorkerCells) {
        if self.received_messages | self.sent_messages != 0 {
            cells.add(self);
            if self.totals.is_some() {
                self.add_to_totals();
            }
            self.received_messages = 0;
            self.received_bytes = 0;
            self.sent_messages = 0;
            self.sent_bytes = 0;
        }
    }

    /// Counts the client's messages from now on, for the access log.
    pub(crate) fn keep_totals(&mut self, since: Instant) {
        self.totals = Some(Box::new(ClientTotals {
            since,
            received_messages: 0,
            received_bytes: 0,
            sent_messages: 0,
            sent_bytes: 0,
        }));
    }

    /// Takes the totals up to the last [`flush`](Self::flush). Returns `None` if they are not kept, or were taken.
    pub(crate) fn take_totals(&mut self) -> Option<Box<ClientTotals>> {
        self.totals.take()
    }

    /// Not inlined, so that clients without totals pay only for the check.
    #[cold]
    #[inline(never)]
    fn add_to_totals(&mut self) {
        if let Some(totals) = &mut self.totals {
            totals.received_messages += self.received_messages;
            totals.received_bytes += self.received_bytes;
            totals.sent_messages += self.sent_messages;
            totals.sent_bytes += self.sent_bytes;
        }
    }

    /// Sets how many bytes wait for the client.
    #[inline(always)]
    pub(crate) fn set_waiting(&mut self, bytes: usize, cells: &WorkerCells) {
        if self.waiting != bytes {
            cells.replace_waiting(std::mem::replace(&mut self.waiting, bytes), bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_added_once_and_waiting_bytes_are_replaced() {
        let (cells, mut traffic) = (WorkerCells::default(), Traffic::default());
        traffic.received(5);
        traffic.received(0);
        traffic.sent(7);
        assert_eq!(cells.traffic(), [0, 0, 0, 0, 0]);
        traffic.flush(&cells);
        traffic.flush(&cells);
        assert_eq!(cells.traffic(), [2, 5, 1, 7, 0]);
        traffic.set_waiting(9, &cells);
        traffic.sent(1);
        traffic.flush(&cells);
        traffic.set_waiting(4, &cells);
        assert_eq!((cells.traffic(), cells.waiting()), ([2, 5, 2, 8, 0], 4));
        traffic.set_waiting(0, &cells);
        assert_eq!(cells.waiting(), 0);
    }

    #[test]
    fn totals_are_kept_on_demand_and_taken_once() {
        let (cells, mut traffic) = (WorkerCells::default(), Traffic::default());
        traffic.received(5);
        traffic.flush(&cells);
        assert!(traffic.take_totals().is_none());
        traffic.keep_totals(Instant::now());
        for _ in 0..3 {
            traffic.received(2);
            traffic.sent(7);
            traffic.sent(1);
            traffic.flush(&cells);
        }
        let totals = traffic.take_totals().expect("kept");
        let ClientTotals { received_messages, received_bytes, sent_messages, sent_bytes, .. } =
            *totals;
        assert_eq!([received_messages, received_bytes, sent_messages, sent_bytes], [3, 6, 6, 24]);
        assert_eq!(cells.traffic(), [4, 11, 6, 24, 0]);
        assert!(traffic.take_totals().is_none());
    }
}
