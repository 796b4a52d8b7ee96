//! Tracks whether the collector accepts spans, and logs changes.

use std::time::{Duration, Instant};

use humantime::format_duration;

use super::queue::MAX_QUEUED;

/// The state of the collector.
#[derive(Debug)]
pub(super) struct Link {
    url: String,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No span has been sent yet.
    New,
    Up,
    /// The collector cannot be reached, or is overloaded. `dropped` is how many spans had been dropped before.
    Away {
        since: Instant,
        dropped: u64,
    },
    /// The collector answers that it does not want the spans.
    Refusing {
        since: Instant,
        dropped: u64,
    },
}

impl Link {
    pub(super) fn new(url: String) -> Self {
        Self { url, state: State::New }
    }

    /// Records that the collector has accepted spans. `dropped` is how many spans were dropped so far.
    pub(super) fn set_up(&mut self, dropped: u64) {
        let url = &self.url;
        match std::mem::replace(&mut self.state, State::Up) {
            State::Up => {}
            State::New => tracing::info!("the collector {url} accepts spans"),
            State::Away { since, dropped: before } | State::Refusing { since, dropped: before } => {
                let lasted = Duration::from_millis(since.elapsed().as_millis() as u64);
                tracing::info!(
                    dropped = dropped - before,
                    "the collector {url} accepts spans again, after {}",
                    format_duration(lasted)
                );
            }
        }
    }

    /// Records that the collector cannot be reached now.
    pub(super) fn set_away(&mut self, why: &str, dropped: u64) {
        if matches!(self.state, State::Away { .. }) {
            return;
        }
        self.state = State::Away { since: Instant::now(), dropped };
        tracing::warn!(
            "cannot send spans to the collector {}: {why}; the host keeps up to {MAX_QUEUED} spans to send later; \
             it drops further spans and counts them",
            self.url
        );
    }

    /// Records that the collector does not want the spans.
    pub(super) fn set_refusing(&mut self, why: &str, dropped: u64) {
        if matches!(self.state, State::Refusing { .. }) {
            return;
        }
        self.state = State::Refusing { since: Instant::now(), dropped };
        tracing::warn!(
            "the collector {} refuses spans: {why}; the refused spans are dropped; check the URL and the headers in \
             [traces]",
            self.url
        );
    }
}
