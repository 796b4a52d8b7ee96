//! Clients that expire at a certain time, for example because a token expires.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;
use ws_host_protocol::SendError;

use super::Client;

/// The shortest time until a client expires. Without this limit, a handler that repeatedly sets a time of zero would
/// cause a busy loop.
const MIN_TIME: Duration = Duration::from_millis(1);

/// The longest time until a client expires, about ten years. With this limit, sums of times do not overflow.
const MAX_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// When a client expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    deadline: Uptime,
    /// When the handler's `expiring` is due. `None` once the handler has been called.
    notice: Option<Uptime>,
}

/// The action that is due because of a client's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpiryState {
    /// The client does not expire, or is closing.
    Never,
    /// Nothing is due yet. Contains the time until the next action is due.
    Later(Duration),
    /// The handler's `expiring` is due. Contains the time until the client expires.
    Soon(Duration),
    /// The client has expired.
    Now,
}

/// A time that also advances while the machine is suspended, because tokens age during that time as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Uptime(Instant);

impl Uptime {
    fn now() -> Self {
        Self(Instant::now() + suspended())
    }

    fn until(self, later: Self) -> Duration {
        later.0.saturating_duration_since(self.0)
    }
}

/// Returns how long the machine has been suspended in total since it started. The result is accurate to two seconds.
fn suspended() -> Duration {
    /// The last result, in seconds. It is replaced only when it is wrong by more than a second, because a client's time
    /// must not move back and forth. The two clocks are not read at the same moment, so their difference varies.
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    let seconds = |clock| clock_gettime(clock).tv_sec.unsigned_abs();
    // The clock that includes suspended time is read last, so that it is never behind the other clock.
    let running = seconds(ClockId::Monotonic);
    let now = seconds(ClockId::Boottime).saturating_sub(running);
    let last = SECONDS.load(Ordering::Relaxed);
    if now.abs_diff(last) <= 1 {
        return Duration::from_secs(last);
    }
    SECONDS.store(now, Ordering::Relaxed);
    Duration::from_secs(now)
}

impl Expiry {
    fn new(now: Uptime, after: Duration, notice: Duration) -> Self {
        let after = after.clamp(MIN_TIME, MAX_TIME);
        let notice_after = after.saturating_sub(notice).max(MIN_TIME);
        let notice = (!notice.is_zero()).then_some(Uptime(now.0 + notice_after));
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
    /// Makes the client expire after the duration `after`. The handler's `expiring` is due when only the duration
    /// `notice` is left. Replaces an earlier expiry.
    pub(crate) fn set_expiry(&self, after: Duration, notice: Duration) -> Result<(), SendError> {
        let mut outbound = self.outbound();
        if !outbound.is_open() {
            return Err(SendError::Closed);
        }
        outbound.expiry = Some(Box::new(Expiry::new(Uptime::now(), after, notice)));
        outbound.has_new_expiry = true;
        outbound.wake();
        Ok(())
    }

    /// Removes the expiry. Returns whether the client had one.
    pub(crate) fn clear_expiry(&self) -> bool {
        let mut outbound = self.outbound();
        // The connection need not be woken, because its next check finds that there is no expiry.
        let expiry = outbound.expiry.take();
        outbound.is_open() && expiry.is_some()
    }

    /// Returns how much time the client has left, if it can expire.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let outbound = self.outbound();
        let expiry = outbound.expiry.as_deref().filter(|_| outbound.is_open())?;
        Some(Uptime::now().until(expiry.deadline))
    }

    /// Returns the action that is due now.
    pub(crate) fn expiry_state(&self) -> ExpiryState {
        let outbound = self.outbound();
        let expiry = outbound.expiry.as_deref().filter(|_| outbound.is_open());
        expiry.map_or(ExpiryState::Never, |expiry| expiry.due(Uptime::now()))
    }

    /// Returns whether the handler's `expiring` is due.
    pub(crate) fn is_notice_due(&self) -> bool {
        matches!(self.expiry_state(), ExpiryState::Soon(_))
    }

    /// Returns whether the handler's `expiring` is due, and marks it as done.
    pub(crate) fn take_due_notice(&self) -> bool {
        let is_due = self.is_notice_due();
        if is_due && let Some(expiry) = &mut self.outbound().expiry {
            expiry.notice = None;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::clients::test_client;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Uptime {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Uptime(*START + SECOND * seconds)
    }

    #[test]
    fn handler_gets_a_notice_and_then_the_client_expires() {
        let mut expiry = Expiry::new(at(0), SECOND * 10, SECOND * 3);
        assert_eq!(expiry.due(at(0)), ExpiryState::Later(SECOND * 7));
        assert_eq!(expiry.due(at(6)), ExpiryState::Later(SECOND));
        assert_eq!(expiry.due(at(7)), ExpiryState::Soon(SECOND * 3));
        assert_eq!(expiry.due(at(9)), ExpiryState::Soon(SECOND), "until the handler was called");
        expiry.notice = None;
        assert_eq!(expiry.due(at(9)), ExpiryState::Later(SECOND));
        assert_eq!(expiry.due(at(10)), ExpiryState::Now);
        // This is what happens after the machine was suspended.
        assert_eq!(expiry.due(at(10_000)), ExpiryState::Now);
    }

    #[test]
    fn no_notice_is_due_without_a_notice_time() {
        let expiry = Expiry::new(at(0), SECOND * 10, Duration::ZERO);
        assert_eq!(expiry.due(at(0)), ExpiryState::Later(SECOND * 10));
        assert_eq!(expiry.due(at(9)), ExpiryState::Later(SECOND));
        assert_eq!(expiry.due(at(10)), ExpiryState::Now);
    }

    #[test]
    fn times_are_bounded_above_and_below() {
        let never = Expiry::new(at(0), Duration::MAX, Duration::ZERO);
        assert_eq!(never.due(at(0)), ExpiryState::Later(MAX_TIME));
        for notice in [Duration::MAX, SECOND * 10] {
            let at_once = Expiry::new(at(0), SECOND * 10, notice);
            assert_eq!(at_once.due(at(0)), ExpiryState::Later(MIN_TIME), "no loop");
            assert_eq!(at_once.due(at(1)), ExpiryState::Soon(SECOND * 9));
        }
        for notice in [Duration::ZERO, Duration::MAX] {
            let now = Expiry::new(at(0), Duration::ZERO, notice);
            assert_eq!(now.due(at(0)), ExpiryState::Later(MIN_TIME));
            assert_eq!(now.due(at(1)), ExpiryState::Now);
        }
    }

    #[test]
    fn client_gets_a_new_expiry_or_none_and_one_notice() {
        let client = test_client(1);
        assert_eq!((client.remaining(), client.clear_expiry()), (None, false));
        assert_eq!(client.expiry_state(), ExpiryState::Never);
        assert!(!client.take_due_notice());
        client.set_expiry(SECOND * 1000, SECOND * 10).expect("open");
        assert!(client.remaining().expect("some") > SECOND * 900);
        assert!(!client.take_due_notice(), "it is not time");
        client.set_expiry(SECOND * 100, Duration::MAX).expect("open");
        assert!(client.remaining().expect("some") <= SECOND * 100);
        while !client.take_due_notice() {
            std::thread::yield_now();
        }
        assert!(!client.take_due_notice());
        assert!(matches!(client.expiry_state(), ExpiryState::Later(_)));
        assert!(client.clear_expiry());
        assert_eq!((client.remaining(), client.clear_expiry()), (None, false));
        assert_eq!(client.expiry_state(), ExpiryState::Never);
    }

    #[test]
    fn closing_client_neither_expires_nor_gets_a_notice() {
        let client = test_client(1);
        client.set_expiry(Duration::ZERO, Duration::ZERO).expect("open");
        client.close(1000, "").expect("open");
        assert_eq!(client.expiry_state(), ExpiryState::Never);
        assert!(!client.take_due_notice());
        assert_eq!((client.remaining(), client.clear_expiry()), (None, false));
        assert_eq!(client.set_expiry(SECOND, SECOND), Err(SendError::Closed));
    }
}
