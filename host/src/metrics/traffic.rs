//! What a client's connection has not added to the cells of its worker yet.

use super::worker_cells::WorkerCells;

/// The messages of a client since its connection last wrote output, and the output that waits for the client.
///
/// These are plain numbers: wherever they change, the lock of the client's outbound side is held. The connection adds
/// them to the cells once for each write, so before the client sees the output.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(super) received_messages: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_messages: u64,
    pub(super) sent_bytes: u64,
    /// The part of the cells' waiting bytes that is this client's.
    waiting: usize,
}

impl Traffic {
    /// Counts a message of the client.
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
    pub(crate) fn settle(&mut self, cells: &WorkerCells) {
        if self.received_messages | self.sent_messages != 0 {
            cells.add(self);
            *self = Self { waiting: self.waiting, ..Self::default() };
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
        traffic.settle(&cells);
        traffic.settle(&cells);
        assert_eq!(cells.traffic(), [2, 5, 1, 7, 0]);
        traffic.set_waiting(9, &cells);
        traffic.sent(1);
        traffic.settle(&cells);
        traffic.set_waiting(4, &cells);
        assert_eq!((cells.traffic(), cells.waiting()), ([2, 5, 2, 8, 0], 4));
        traffic.set_waiting(0, &cells);
        assert_eq!(cells.waiting(), 0);
    }
}
