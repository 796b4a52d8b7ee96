//! Decides which handshakes are sampled.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::exporter::{Exporter, Settings};
use super::parent::{Parent, trace_state};
use super::queue::Queue;
use super::span::{Began, HandshakeSpan, Trace, new_span_id};
use crate::metrics::{Exposition, catalog};

/// How long a stopping host waits for the collector to accept the remaining spans. The time is limited because the
/// program must end before its service manager kills it.
const FLUSH_TIME: Duration = Duration::from_secs(3);

/// The traces of a host. They decide which handshakes are sampled, and own the task that sends the spans.
#[derive(Debug)]
pub(crate) struct Traces {
    sampler: Sampler,
    queue: Arc<Queue>,
    stop: CancellationToken,
    exporter: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Traces {
    /// Starts the task that sends spans. Must be called inside a runtime. The task runs on that runtime.
    pub(crate) fn start(settings: Settings) -> Self {
        let sampler = Sampler::new(settings.ratio);
        tracing::info!(
            ratio = settings.ratio,
            "sending spans to {}: for all connections with a sampled parent, and for a fraction ({}) of \
             the connections without a parent",
            settings.endpoint,
            settings.ratio
        );
        let (queue, stop) = (Arc::new(Queue::new()), CancellationToken::new());
        let exporter = Exporter::new(settings, Arc::clone(&queue), stop.clone());
        let exporter = AbortOnDropHandle::new(tokio::spawn(exporter.run()));
        Self { sampler, queue, stop, exporter: Mutex::new(Some(exporter)) }
    }

    /// Begins the span of a handshake, if it is sampled.
    pub(crate) fn handshake(&self, headers: &HeaderMap) -> Option<HandshakeSpan> {
        let began = Began::now();
        let parent = Parent::of(headers);
        let id = match parent {
            Some(parent) if parent.is_sampled => parent.trace,
            Some(_) => return None,
            None => self.sampler.new_trace()?.to_be_bytes(),
        };
        // §4.3: a state is ignored if there is no parent.
        let state = parent.and_then(|_| trace_state(headers));
        let (queue, handshake) = (Arc::clone(&self.queue), new_span_id());
        let trace = Arc::new(Trace { queue, id, state, handshake });
        Some(HandshakeSpan { trace, parent: parent.map(|parent| parent.span), began })
    }

    /// Sends the waiting spans, for at most three seconds. After that, nothing more is sent.
    pub(crate) async fn flush(&self) {
        self.stop.cancel();
        let Some(exporter) = self.exporter.lock().take() else { return };
        // When the time is over, the task is aborted.
        let ended = timeout(FLUSH_TIME, exporter).await;
        let left = self.queue.len();
        if ended.is_err() || left > 0 {
            tracing::warn!(left, "the host stopped before all spans could be sent");
        }
    }

    pub(crate) fn scrape(&self, to: &mut Exposition) {
        to.sample(&catalog::SPANS_SENT, &[], self.queue.sent.get());
        for (why, count) in self.queue.dropped.all() {
            to.sample(&catalog::SPANS_DROPPED, &[why], count);
        }
    }
}

/// Chooses which connections are sampled, among those whose handshakes name no parent.
#[derive(Clone, Copy, Debug)]
struct Sampler {
    /// A trace is sampled if the last 56 bits of its id are at least this number. This is OpenTelemetry's consistent
    /// probability sampling: other services with the same ratio choose the same traces.
    threshold: u64,
}

/// The number of values that the random part of an id can have (W3C Trace Context level 2).
const RANDOM_VALUES: u64 = 1 << 56;

impl Sampler {
    fn new(ratio: f64) -> Self {
        Self { threshold: ((1.0 - ratio) * RANDOM_VALUES as f64) as u64 }
    }

    /// Returns the id of a new trace, if it is sampled.
    fn new_trace(self) -> Option<u128> {
        let id = rand::random_range(1..=u128::MAX);
        ((id as u64) % RANDOM_VALUES >= self.threshold).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_of_new_traces_is_the_ratio() {
        const ALL: usize = 100_000;
        for (ratio, expected) in
            [(0.0, 0..=0), (0.01, 800..=1_200), (0.5, 49_000..=51_000), (1.0, ALL..=ALL)]
        {
            let sampler = Sampler::new(ratio);
            let sampled = (0..ALL).filter(|_| sampler.new_trace().is_some()).count();
            assert!(expected.contains(&sampled), "{ratio}: {sampled}");
        }
    }
}
