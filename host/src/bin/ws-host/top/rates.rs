//! Rates, which are computed from the differences between responses.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::status::{ResourceFigures, Status};

/// How many responses are kept. The rate of messages per second is computed from the last two responses. The times of
/// calls are computed from all kept responses, because the host may measure only one call in 64.
const WINDOW: usize = 11;

/// Rates are computed as if at least this time had passed between two responses. In a shorter time, the counters may
/// not have moved.
const SHORTEST: Duration = Duration::from_millis(1);

/// The most recent responses of a host.
#[derive(Debug, Default)]
pub(super) struct Responses(VecDeque<(Status, Instant)>);

/// The current activity of the host.
#[derive(Debug)]
pub(super) struct Rates {
    /// The rates of the resources, in the order of the resources.
    pub(super) resources: Vec<Rate>,
    /// The sum over all resources.
    pub(super) total: Rate,
    /// The share of the time in which the workers were busy.
    pub(super) busy: f64,
}

/// The current activity of the handlers of a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rate {
    /// This field and the next three are numbers per second.
    pub(super) received: f64,
    pub(super) received_bytes: f64,
    pub(super) sent: f64,
    pub(super) sent_bytes: f64,
    /// The CPU time of the handlers. 1 is one core.
    pub(super) cpu: f64,
    calls: u64,
    call_nanoseconds: u64,
    buckets: Vec<u64>,
}

/// The time within which most calls ended. A histogram provides no exact time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    Bound(u64),
    /// Longer than the highest bound. The variant contains that bound.
    Above(u64),
}

impl Responses {
    /// Adds the newest response. If the host was restarted, its counters begin at zero, so its earlier responses are
    /// discarded.
    pub(super) fn add(&mut self, status: Status, at: Instant) {
        if self.0.back().is_some_and(|(last, _)| last.started != status.started) {
            self.0.clear();
        }
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back((status, at));
    }

    /// Returns the newest response.
    pub(super) fn newest(&self) -> Option<&Status> {
        self.0.back().map(|(status, _)| status)
    }

    /// Returns when the newest response arrived.
    pub(super) fn newest_at(&self) -> Option<Instant> {
        self.0.back().map(|(_, at)| *at)
    }

    /// Returns the rates, if there are at least two responses.
    pub(super) fn rates(&self) -> Option<Rates> {
        let (oldest, oldest_at) = self.0.front()?;
        let (newest, at) = self.0.back()?;
        let (last, last_at) = self.0.get(self.0.len().checked_sub(2)?)?;
        let seconds = |earlier: &Instant| at.duration_since(*earlier).max(SHORTEST).as_secs_f64();
        let (since_last, since_oldest) = (seconds(last_at), seconds(oldest_at));
        let resources: Vec<Rate> = newest
            .resources
            .iter()
            .map(|now| Rate::between(now, (last, since_last), (oldest, since_oldest)))
            .collect();
        let busy = newest.busy_nanoseconds.saturating_sub(last.busy_nanoseconds) as f64;
        let busy = busy / 1e9 / since_last / newest.workers.max(1) as f64;
        let total = resources.iter().fold(Rate::default(), Rate::plus);
        Some(Rates { resources, total, busy: busy.min(1.0) })
    }
}

impl Rate {
    fn between(now: &ResourceFigures, last: (&Status, f64), oldest: (&Status, f64)) -> Self {
        let find =
            |status: &'_ Status| status.resources.iter().position(|one| one.name == now.name);
        let earlier = find(last.0).map(|index| &last.0.resources[index]);
        let first = find(oldest.0).map(|index| &oldest.0.resources[index]);
        // If a resource was removed and added again, its counters began again at zero.
        let grown = |from: Option<&ResourceFigures>, counter: fn(&ResourceFigures) -> u64| {
            from.map_or(0, |from| counter(now).saturating_sub(counter(from)))
        };
        let per_second = |counter| grown(earlier, counter) as f64 / last.1;
        let buckets = match first {
            Some(first) if first.buckets.len() == now.buckets.len() => now
                .buckets
                .iter()
                .zip(&first.buckets)
                .map(|(now, old)| now.saturating_sub(*old))
                .collect(),
            _ => Vec::new(),
        };
        Self {
            received: per_second(|one| one.received_messages),
            received_bytes: per_second(|one| one.received_bytes),
            sent: per_second(|one| one.sent_messages),
            sent_bytes: per_second(|one| one.sent_bytes),
            cpu: grown(first, |one| one.cpu_nanoseconds) as f64 / 1e9 / oldest.1,
            calls: grown(first, |one| one.calls),
            call_nanoseconds: grown(first, |one| one.call_nanoseconds),
            buckets,
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        self.received += other.received;
        self.received_bytes += other.received_bytes;
        self.sent += other.sent;
        self.sent_bytes += other.sent_bytes;
        self.cpu += other.cpu;
        self.calls = self.calls.saturating_add(other.calls);
        self.call_nanoseconds = self.call_nanoseconds.saturating_add(other.call_nanoseconds);
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (sum, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum = sum.saturating_add(*more);
        }
        self
    }

    /// Returns the mean time of a call in nanoseconds, if there were calls.
    pub(super) fn mean(&self) -> Option<u64> {
        self.call_nanoseconds.checked_div(self.calls)
    }

    /// Returns the time within which 99 % of the calls ended, if there were calls.
    pub(super) fn within(&self, bounds: &[u64]) -> Option<Within> {
        let all: u128 = self.buckets.iter().map(|calls| u128::from(*calls)).sum();
        let mut sum = 0;
        let index = self.buckets.iter().position(|calls| {
            sum += u128::from(*calls);
            sum > 0 && sum * 100 >= all * 99
        })?;
        match bounds.get(index) {
            Some(bound) => Some(Within::Bound(*bound)),
            None => bounds.last().map(|bound| Within::Above(*bound)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = r#"{
        "version": "0.1.0", "started": 1, "workers": 2, "workers_stuck": 0, "busy_nanoseconds": 0, "buffered_bytes": 0,
        "max_buffered_bytes": 1, "bounds_nanoseconds": [1000, 10000],
        "resources": [{
            "name": "chat", "path": "/", "hash": "12", "trial": "settled", "clients": 1, "instances_live": 1,
            "instances_hibernated": 0, "received_messages": 0, "received_bytes": 0, "sent_messages": 0, "sent_bytes": 0,
            "waiting_bytes": 0, "memory_bytes": 0, "faults": 0, "calls": 0, "call_nanoseconds": 0,
            "cpu_nanoseconds": 0, "buckets": [0, 0, 0]
        }],
        "instances": [], "clients": [], "occurrences": []
    }"#;

    fn empty() -> Status {
        serde_json::from_str(EMPTY).unwrap()
    }

    fn after(seconds: u64, status: Status, responses: &mut Responses, start: Instant) {
        responses.add(status, start + Duration::from_secs(seconds));
    }

    #[test]
    fn messages_are_counted_since_the_last_response_and_calls_since_the_oldest() {
        let (mut responses, start) = (Responses::default(), Instant::now());
        after(0, empty(), &mut responses, start);
        assert!(responses.rates().is_none());
        let mut status = empty();
        status.resources[0].received_messages = 100;
        status.resources[0].calls = 64;
        status.resources[0].call_nanoseconds = 64_000;
        after(1, status.clone(), &mut responses, start);
        status.resources[0].received_messages = 130;
        status.busy_nanoseconds = 2_000_000_000;
        after(3, status, &mut responses, start);
        let rates = responses.rates().unwrap();
        assert_eq!(rates.total.received, 15.0);
        assert_eq!(rates.total.mean(), Some(1000));
        assert_eq!(rates.busy, 0.5);
        assert_eq!(rates.resources, [rates.total]);
    }

    #[test]
    fn restarted_host_has_no_rates_and_a_new_resource_none_of_its_own() {
        let (mut responses, start) = (Responses::default(), Instant::now());
        let mut status = empty();
        status.resources[0].sent_messages = 1000;
        after(0, status.clone(), &mut responses, start);
        after(1, empty(), &mut responses, start);
        assert_eq!(responses.rates().unwrap().total.sent, 0.0);
        status.resources[0].name = "other".to_owned();
        after(2, status.clone(), &mut responses, start);
        assert_eq!(responses.rates().unwrap().total.sent, 0.0);
        status.started = 2;
        after(3, status, &mut responses, start);
        assert!(responses.rates().is_none());
    }

    #[test]
    fn most_calls_end_within_the_bound_of_a_bucket() {
        let within = |buckets: &[u64]| {
            Rate { buckets: buckets.to_vec(), ..Rate::default() }.within(&[1000, 10_000])
        };
        assert_eq!(within(&[0, 0, 0]), None);
        assert_eq!(within(&[]), None);
        assert_eq!(within(&[99, 1, 0]), Some(Within::Bound(1000)));
        assert_eq!(within(&[98, 2, 0]), Some(Within::Bound(10_000)));
        assert_eq!(within(&[0, 0, 1]), Some(Within::Above(10_000)));
    }
}
