//! Clients that must prove themselves again before a time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use ws_host_protocol::SendError;

use super::Client;

/// The shortest time: a handler that gives a client no time again and again must not become a loop.
const SHORTEST: Duration = Duration::from_millis(1);

/// The longest time, about ten years, so that sums do not overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// When a client is closed, unless it has proved itself again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    deadline: Uptime,
    /// When its handler is to be told, until it was.
    notice: Option<Uptime>,
}

/// What a client that must prove itself again has to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpiryState {
    /// It is closing, or need not prove itself.
    Never,
    /// Nothing for so long.
    Later(Duration),
    /// Its handler is to be told that it has so long.
    Soon(Duration),
    /// Its time is over.
    Now,
}

/// Since the machine started, with the time that it slept: a token ends then too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Uptime(Duration);

impl Uptime {
    fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        Self(Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0)))
    }

    fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

impl Expiry {
    fn new(now: Uptime, after: Duration, notice: Duration) -> Self {
        let after = after.clamp(SHORTEST, LONGEST);
        let told_after = after.saturating_sub(notice).max(SHORTEST);
        let notice = (!notice.is_zero()).then_some(Uptime(now.0 + told_after));
        Self { deadline: Uptime(now.0 + after), notice }
    }

    fn due(&self, now: Uptime) -> ExpiryState {
        let left = now.until(self.deadline);
        match self.notice {
            _ if left.is_zero() => ExpiryState::Now,
            Some(notice) if notice <= now => ExpiryState::Soon(left),
            Some(notice) => ExpiryState::Later(now.until(notice).min(left)),
            None => ExpiryState::Later(left),
        }
    }
}

impl Client {
    /// Gives it so much time from now on, and no more. So much before its end its handler is told. This takes the place of
    /// what was said before.
    pub(crate) fn expire(&self, after: Duration, notice: Duration) -> Result<(), SendError> {
        let mut outgoing = self.outgoing();
        if !outgoing.is_open() {
            return Err(SendError::Closed);
        }
        outgoing.expiry = Some(Box::new(Expiry::new(Uptime::now(), after, notice)));
        outgoing.has_new_expiry = true;
        outgoing.wake();
        Ok(())
    }

    /// It need not prove itself again. Answers whether it had to.
    pub(crate) fn keep(&self) -> bool {
        let mut outgoing = self.outgoing();
        // Its connection finds nothing when it looks.
        let expiry = outgoing.expiry.take();
        outgoing.is_open() && expiry.is_some()
    }

    /// How much time it has left, if it must prove itself again.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let outgoing = self.outgoing();
        let expiry = outgoing.expiry.as_deref().filter(|_| outgoing.is_open())?;
        Some(Uptime::now().until(expiry.deadline))
    }

    /// What it has to expect now.
    pub(crate) fn expiry_state(&self) -> ExpiryState {
        let outgoing = self.outgoing();
        let expiry = outgoing.expiry.as_deref().filter(|_| outgoing.is_open());
        expiry.map_or(ExpiryState::Never, |expiry| expiry.due(Uptime::now()))
    }

    /// Whether its handler is to be told now.
    pub(crate) fn is_notice_due(&self) -> bool {
        matches!(self.expiry_state(), ExpiryState::Soon(_))
    }

    /// The same, and it was told now.
    pub(crate) fn take_notice(&self) -> bool {
        let is_due = self.is_notice_due();
        if is_due && let Some(expiry) = &mut self.outgoing().expiry {
            expiry.notice = None;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::test_client;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Uptime {
        Uptime(SECOND * (1000 + seconds))
    }

    #[test]
    fn handler_is_told_before_the_end_and_the_end_comes() {
        let mut expiry = Expiry::new(at(0), SECOND * 10, SECOND * 3);
        assert_eq!(expiry.due(at(0)), ExpiryState::Later(SECOND * 7));
        assert_eq!(expiry.due(at(6)), ExpiryState::Later(SECOND));
        assert_eq!(expiry.due(at(7)), ExpiryState::Soon(SECOND * 3));
        assert_eq!(expiry.due(at(9)), ExpiryState::Soon(SECOND), "as long as it was not told");
        expiry.notice = None;
        assert_eq!(expiry.due(at(9)), ExpiryState::Later(SECOND));
        assert_eq!(expiry.due(at(10)), ExpiryState::Now);
        // The machine has slept.
        assert_eq!(expiry.due(at(10_000)), ExpiryState::Now);
    }

    #[test]
    fn whoever_is_not_to_be_told_is_not() {
        let expiry = Expiry::new(at(0), SECOND * 10, Duration::ZERO);
        assert_eq!(expiry.due(at(0)), ExpiryState::Later(SECOND * 10));
        assert_eq!(expiry.due(at(9)), ExpiryState::Later(SECOND));
        assert_eq!(expiry.due(at(10)), ExpiryState::Now);
    }

    #[test]
    fn longest_and_shortest_times_are_bounded() {
        let never = Expiry::new(at(0), Duration::MAX, Duration::ZERO);
        assert_eq!(never.due(at(0)), ExpiryState::Later(LONGEST));
        for notice in [Duration::MAX, SECOND * 10] {
            let at_once = Expiry::new(at(0), SECOND * 10, notice);
            assert_eq!(at_once.due(at(0)), ExpiryState::Later(SHORTEST), "no loop");
            assert_eq!(at_once.due(at(1)), ExpiryState::Soon(SECOND * 9));
        }
        for notice in [Duration::ZERO, Duration::MAX] {
            let now = Expiry::new(at(0), Duration::ZERO, notice);
            assert_eq!(now.due(at(0)), ExpiryState::Later(SHORTEST));
            assert_eq!(now.due(at(1)), ExpiryState::Now);
        }
    }

    #[test]
    fn client_is_given_more_time_or_kept_and_is_told_once() {
        let client = test_client(1);
        assert_eq!((client.remaining(), client.keep()), (None, false));
        assert_eq!(client.expiry_state(), ExpiryState::Never);
        assert!(!client.take_notice());
        client.expire(SECOND * 1000, SECOND * 10).expect("open");
        assert!(client.remaining().expect("some") > SECOND * 900);
        assert!(!client.take_notice(), "it is not time");
        client.expire(SECOND * 100, Duration::MAX).expect("open");
        assert!(client.remaining().expect("some") <= SECOND * 100);
        while !client.take_notice() {
            std::thread::yield_now();
        }
        assert!(!client.take_notice());
        assert!(matches!(client.expiry_state(), ExpiryState::Later(_)));
        assert!(client.keep());
        assert_eq!((client.remaining(), client.keep()), (None, false));
        assert_eq!(client.expiry_state(), ExpiryState::Never);
    }

    #[test]
    fn client_that_closes_neither_expires_nor_is_told() {
        let client = test_client(1);
        client.expire(Duration::ZERO, Duration::ZERO).expect("open");
        client.close(1000, "").expect("open");
        assert_eq!(client.expiry_state(), ExpiryState::Never);
        assert!(!client.take_notice());
        assert_eq!((client.remaining(), client.keep()), (None, false));
        assert_eq!(client.expire(SECOND, SECOND), Err(SendError::Closed));
    }
}
