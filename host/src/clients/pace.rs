//! The pace at which a stopping host closes its clients. The pace keeps the clients from all connecting elsewhere at
//! the same moment.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::{Client, HostClose};
use crate::slice;

/// The longest gap between two closes. Even if there is plenty of time, at least a thousand clients are closed per
/// second, so a host with few clients stops almost at once.
const MAX_GAP: Duration = Duration::from_millis(1);

/// How far the host may fall behind schedule and still close all overdue clients at once. A timer may fire a
/// millisecond late, or more if the worker is busy. If the host falls further behind, the remaining closes are spread
/// over the time that is left.
const MAX_LAG: Duration = Duration::from_millis(10);

/// A pace that several tasks share. Tasks get their turn to close clients in the order in which they began to wait.
#[derive(Debug)]
pub(crate) struct Pace {
    until: Instant,
    rest: Mutex<Rest>,
}

/// How many clients are still to be closed, and when.
#[derive(Debug)]
struct Rest {
    closes: usize,
    /// When the next close is due.
    due: Instant,
}

impl Pace {
    /// Spreads this number of closes over `time`, beginning now. A small number of closes takes less time.
    pub(crate) fn new(closes: usize, time: Duration) -> Self {
        let now = Instant::now();
        Self { until: now + time, rest: Mutex::new(Rest { closes, due: now }) }
    }

    /// Returns a pace that lets everything be closed at once.
    pub(crate) fn at_once() -> Self {
        Self::new(0, Duration::ZERO)
    }

    /// Returns whether everything may be closed now.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Waits until the next clients may be closed. `closes` is the number of clients to be closed together. Returns no
    /// later than the end of the time that was given to [`Self::new`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped while it waits, the clients of this call count as closed.
    pub(crate) async fn wait(&self, closes: usize) {
        let now = Instant::now();
        let due = self.next_due(now, closes);
        if due > now {
            sleep_until(due).await;
        }
    }

    /// Closes these clients at this pace.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, clients that it has closed stay closed.
    pub(crate) async fn close(&self, clients: Vec<Arc<Client>>, why: HostClose<'_>) {
        for client in clients {
            self.wait(1).await;
            client.close_by_host(why);
            if slice::is_over() {
                yield_now().await;
            }
        }
    }

    fn next_due(&self, now: Instant, closes: usize) -> Instant {
        let mut rest = self.rest.lock();
        let due = rest.due.max(now.checked_sub(MAX_LAG).unwrap_or(now)).min(self.until);
        let gap = (self.until - due) / saturated(rest.closes.max(1));
        rest.closes = rest.closes.saturating_sub(closes);
        rest.due = due + gap.min(MAX_GAP) * saturated(closes);
        due
    }
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(5);

    /// Returns when each close is due if none is late. The times are counted from the first close.
    fn schedule(closes: usize, time: Duration) -> Vec<Duration> {
        let pace = Pace::new(closes, time);
        let begin = pace.rest.lock().due;
        let mut now = begin;
        (0..closes)
            .map(|_| {
                now = now.max(pace.next_due(now, 1));
                now - begin
            })
            .collect()
    }

    #[test]
    fn many_closes_are_spread_evenly_over_the_whole_time() {
        let due = schedule(20_000, TIME);
        for (part, tenth) in due.chunks(2000).zip(0_u32..) {
            let (from, to) = (TIME / 10 * tenth, TIME / 10 * (tenth + 1));
            let margin = Duration::from_millis(1);
            assert!(
                part.iter().all(|due| *due + margin >= from && *due <= to + margin),
                "{from:?}"
            );
        }
    }

    #[test]
    fn few_closes_are_a_millisecond_apart() {
        assert_eq!(schedule(3, TIME), [0, 1, 2].map(Duration::from_millis));
        assert_eq!(schedule(3, Duration::from_secs(3600)), [0, 1, 2].map(Duration::from_millis));
    }

    #[test]
    fn without_time_everything_is_closed_at_once() {
        assert!(schedule(1000, Duration::ZERO).iter().all(Duration::is_zero));
        let pace = Pace::at_once();
        let now = Instant::now();
        assert!((0..1000).all(|_| pace.next_due(now, 1) <= now));
    }

    #[test]
    fn what_could_not_be_closed_earlier_is_spread_over_the_rest() {
        let pace = Pace::new(10_000, TIME);
        let begin = pace.rest.lock().due;
        // A handler has delayed the closes for three of the five seconds.
        let late = begin + Duration::from_secs(3);
        let due: Vec<_> = (0..10_000).map(|_| pace.next_due(late, 1)).collect();
        assert!(due.iter().filter(|due| **due <= late).count() < 100, "a few catch up");
        let half = due[5000] - late;
        assert!(
            half > Duration::from_millis(900) && half < Duration::from_millis(1100),
            "{half:?}"
        );
        assert!(due.iter().all(|due| *due <= begin + TIME));
    }

    #[test]
    fn clients_that_are_closed_together_take_as_long_as_if_they_were_not() {
        let pace = Pace::new(10_000, TIME);
        let begin = pace.rest.lock().due;
        let due: Vec<_> = [9000, 500, 500].map(|room| pace.next_due(begin, room) - begin).into();
        let expected = [0, 4500, 4750].map(Duration::from_millis);
        let is_close = |(due, expected): (&Duration, Duration)| {
            due.abs_diff(expected) < Duration::from_millis(1)
        };
        assert!(due.iter().zip(expected).all(is_close), "{due:?}");
    }

    #[test]
    fn more_closes_than_expected_do_not_take_longer() {
        let pace = Pace::new(1, TIME);
        let begin = pace.rest.lock().due;
        let last = (0..100_000).map(|_| pace.next_due(begin, 1)).last().expect("some");
        assert!(last <= begin + TIME);
        assert_eq!(pace.next_due(begin, usize::MAX), last.max(begin + TIME));
    }
}
