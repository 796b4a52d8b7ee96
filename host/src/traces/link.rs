//! Whether the collector takes spans, and the lines of the log about changes.

use std::time::{Duration, Instant};

use humantime::format_duration;

use super::queue::MAX_QUEUED;

/// What is known about the collector.
#[derive(Debug)]
pub(super) struct Link {
    url: String,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No span was sent yet.
    New,
    Up,
    /// It cannot be reached, or is overloaded. `dropped` spans had been dropped before.
    Away {
        since: Instant,
        dropped: u64,
    },
    /// It answers that it does not want the spans.
    Refusing {
        since: Instant,
        dropped: u64,
    },
}

impl Link {
    pub(super) fn new(url: String) -> Self {
        Self { url, state: State::New }
    }

    /// Notes that the collector has taken spans. `dropped` spans were dropped so far.
    pub(super) fn set_up(&mut self, dropped: u64) {
        let url = &self.url;
        match std::mem::replace(&mut self.state, State::Up) {
            State::Up => {}
            State::New => tracing::info!("the collector {url} takes spans"),
            State::Away { since, dropped: before } | State::Refusing { since, dropped: before } => {
                let lasted = Duration::from_millis(since.elapsed().as_millis() as u64);
                tracing::info!(
                    dropped = dropped - before,
                    "the collector {url} takes spans again, after {}",
                    format_duration(lasted)
                );
            }
        }
    }

    /// Notes that the collector cannot be reached now.
    pub(super) fn set_away(&mut self, why: &str, dropped: u64) {
        if matches!(self.state, State::Away { .. }) {
            return;
        }
        self.state = State::Away { since: Instant::now(), dropped };
        tracing::warn!(
            "the collector {} cannot take spans: {why}; {MAX_QUEUED} wait at most, and further ones are dropped and \
             counted",
            self.url
        );
    }

    /// Notes that the collector does not want the spans.
    pub(super) fn set_refusing(&mut self, why: &str, dropped: u64) {
        if matches!(self.state, State::Refusing { .. }) {
            return;
        }
        self.state = State::Refusing { since: Instant::now(), dropped };
        tracing::warn!(
            "the collector {} refuses spans: {why}; they are dropped: check the URL and the headers of [traces]",
            self.url
        );
    }
}
