//! The memory budget for data that is waiting anywhere in the host: output for clients, input that is not handled, and
//! saved states.
//!
//! Each holder of this memory has a [`Share`] and reports its size. Clients report in coarse steps, so a message that
//! arrives and leaves costs nothing here. No client may hold more memory than is still free. As a result, all holders
//! together never exceed the limit. Even if all other clients stop reading, a client may still hold as much as each of
//! them. (Network switches use the same method, dynamic thresholds: Choudhury and Hahne, 1998.)

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The granularity, in bytes, at which clients report their memory. Most clients use less than this. Such a client is
/// neither counted nor limited.
pub(crate) const STEP: usize = 64 << 10;

/// The limit on the memory for waiting data in a host, in bytes, and the current usage.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// Notified when the usage exceeds the pressure threshold.
    pressure: Notify,
}

/// The part of a [`Budget`] that one holder uses. Dropping the share frees that part.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), pressure: Notify::new() })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns the usage in bytes above which the clients that hold the most memory are closed. It is 7/8 of the limit.
    /// If seven clients each take all that they can get, they use exactly this much.
    pub(crate) fn pressure_threshold(&self) -> usize {
        self.limit - self.limit / 8
    }

    /// Returns whether there is room for another saved state of `bytes`. All holders together, with that state, may use
    /// at most half of the budget. States stay for a long time, so the other half is left for messages.
    pub(crate) fn has_room_for_state(&self, bytes: usize) -> bool {
        self.used().saturating_add(bytes) <= self.limit / 2
    }

    /// Waits until the usage exceeds the [pressure threshold](Self::pressure_threshold).
    ///
    /// # Cancel safety
    ///
    /// No notification is lost when the future is dropped.
    pub(crate) async fn under_pressure(&self) {
        self.pressure.notified().await;
    }

    fn free(&self) -> usize {
        self.limit.saturating_sub(self.used())
    }
}

impl Share {
    /// Returns a share that uses nothing yet.
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: AtomicUsize::new(0) }
    }

    /// Returns a share that uses `bytes`.
    pub(crate) fn of(budget: &Arc<Budget>, bytes: usize) -> Self {
        let share = Self::new(budget);
        share.set(bytes);
        share
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Returns the size that is counted in the budget.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Reports that the holder now holds `bytes`. The number is rounded down to whole steps. Only one task at a time
    /// may call this.
    #[inline]
    pub(crate) fn report(&self, bytes: usize) {
        let steps = bytes - bytes % STEP;
        if steps != self.bytes() {
            self.set(steps);
        }
    }

    /// Returns whether the holder may hold a total of `bytes`.
    #[inline]
    pub(crate) fn admits(&self, bytes: usize) -> bool {
        bytes < STEP || bytes <= self.budget.free()
    }

    fn set(&self, bytes: usize) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        let used = &self.budget.used;
        if bytes < before {
            used.fetch_sub(before - bytes, Ordering::Relaxed);
            return;
        }
        let more = bytes - before;
        let was = used.fetch_add(more, Ordering::Relaxed);
        let threshold = self.budget.pressure_threshold();
        if was <= threshold && was + more > threshold {
            self.budget.pressure.notify_one();
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;

    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn less_than_a_step_is_not_counted() {
        let budget = Budget::new(MIB);
        let share = Share::new(&budget);
        share.report(STEP - 1);
        assert_eq!(budget.used(), 0);
        share.report(2 * STEP + 1);
        assert_eq!(budget.used(), 2 * STEP);
        share.report(STEP);
        assert_eq!(budget.used(), STEP);
        drop(share);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn states_are_counted_to_the_byte_and_leave_half_for_messages() {
        let budget = Budget::new(100);
        let _state = Share::of(&budget, 30);
        assert_eq!(budget.used(), 30);
        assert!(budget.has_room_for_state(20) && !budget.has_room_for_state(21));
    }

    #[test]
    fn greedy_holders_leave_as_much_for_one_more_and_stay_within_the_limit() {
        for count in [1, 2, 20, 100] {
            let budget = Budget::new(100 * MIB);
            let shares: Vec<Share> = (0..count).map(|_| Share::new(&budget)).collect();
            // In turn, each holder grows by a step, until none may grow.
            while shares.iter().fold(false, |has_grown, share| {
                let more = share.bytes() + STEP;
                let may = share.admits(more);
                if may {
                    share.report(more);
                }
                has_grown || may
            }) {}
            assert!(budget.used() <= budget.limit());
            let least = shares.iter().map(Share::bytes).min().unwrap_or_default();
            let newcomer = Share::new(&budget);
            assert!(newcomer.admits(least - STEP), "{count}: each has {least}");
            assert!(newcomer.admits(STEP - 1));
        }
    }

    #[tokio::test]
    async fn pressure_is_notified_when_it_begins() {
        let budget = Budget::new(8 * MIB);
        let share = Share::of(&budget, 7 * MIB);
        let mut pressure = std::pin::pin!(budget.under_pressure());
        assert!(poll_once(pressure.as_mut()).await.is_pending());
        share.report(7 * MIB + STEP);
        pressure.await;
    }

    async fn poll_once<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
    }
}
