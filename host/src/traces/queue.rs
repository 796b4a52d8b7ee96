//! The queue of spans that wait until the exporter sends them.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::span::Span;
use crate::metrics::{Counter, LabelCounters};

/// How many spans may wait. Each takes about half a kilobyte. A fast collector accepts all of them in two seconds. If
/// the collector is away for a few seconds, the queue has room for the spans of that time.
pub(super) const MAX_QUEUED: usize = 8192;

/// The maximum number of spans in a request. It is the default of OpenTelemetry's exporters.
pub(super) const MAX_BATCH: usize = 512;

/// Why spans were dropped.
pub(crate) const DROPPED: &[&str] = &["queue-full", "refused"];

/// The waiting spans, and counts of the spans that were sent or dropped.
#[derive(Debug)]
pub(super) struct Queue {
    spans: Mutex<VecDeque<Span>>,
    /// Notified when a whole batch is waiting.
    has_batch: Notify,
    pub(super) sent: Counter,
    pub(super) dropped: LabelCounters,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            spans: Mutex::default(),
            has_batch: Notify::new(),
            sent: Counter::default(),
            dropped: LabelCounters::new(DROPPED),
        }
    }

    /// Adds a span. Drops it if too many spans are waiting.
    pub(super) fn push(&self, span: Span) {
        let mut spans = self.spans.lock();
        if spans.len() >= MAX_QUEUED {
            drop(spans);
            self.dropped.count("queue-full");
            return;
        }
        spans.push_back(span);
        let has_batch = spans.len() == MAX_BATCH;
        drop(spans);
        if has_batch {
            self.has_batch.notify_one();
        }
    }

    /// Removes the oldest spans, up to the size of a batch.
    pub(super) fn take(&self) -> Vec<Span> {
        let mut spans = self.spans.lock();
        let count = spans.len().min(MAX_BATCH);
        spans.drain(..count).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.spans.lock().len()
    }

    /// Waits until there is a whole batch.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn wait_for_batch(&self) {
        self.has_batch.notified().await;
    }

    /// Counts spans that the collector does not accept.
    pub(super) fn refuse(&self, count: usize) {
        for _ in 0..count {
            self.dropped.count("refused");
        }
    }

    /// Returns how many spans were dropped, for any reason.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.all().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn span_without_room_is_dropped_and_counted() {
        let queue = Arc::new(Queue::new());
        for _ in 0..MAX_QUEUED + 3 {
            queue.push(Span::example(&queue));
        }
        assert_eq!((queue.len(), queue.dropped()), (MAX_QUEUED, 3));
        assert_eq!(queue.take().len(), MAX_BATCH);
        queue.push(Span::example(&queue));
        assert_eq!((queue.len(), queue.dropped()), (MAX_QUEUED - MAX_BATCH + 1, 3));
    }
}
