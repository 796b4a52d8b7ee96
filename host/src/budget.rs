//! How much memory waits for clients in the whole host: what is to be written to them, what has come of their
//! messages, and the state of instances that sleep.
//!
//! Whoever holds such memory has a [`Share`] and tells it how much. Clients do so in coarse steps, so that a
//! message that comes and goes costs nothing here. No client may hold more than is still free. So many who do not
//! read leave as much for one more as each of them has, however many they are, and all together never hold
//! more than the limit (dynamic thresholds, as switches have them: Choudhury and Hahne, 1998).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Below this a client is neither counted nor held to anything, in octets: more than most ever have waiting.
pub(crate) const STEP: usize = 64 << 10;

/// The memory of a host, in octets.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// Rung when so much is used that the greediest have to go.
    pressed: Notify,
}

/// What one holder has of a [`Budget`]. Free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), pressed: Notify::new() })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Octets that may be used before the greediest have to go: with seven who take all they can get, and they only
    /// take turns with others.
    pub(crate) fn comfortable(&self) -> usize {
        self.limit - self.limit / 8
    }

    /// Whether there is room for one more instance to sleep with so much state. States leave half for messages:
    /// they stay for long.
    pub(crate) fn has_room_for_state(&self, bytes: usize) -> bool {
        self.used().saturating_add(bytes) <= self.limit / 2
    }

    /// Waits until so much is used that the greediest have to go.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn pressed(&self) {
        self.pressed.notified().await;
    }

    fn free(&self) -> usize {
        self.limit.saturating_sub(self.used())
    }
}

impl Share {
    /// A share of nothing yet.
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: AtomicUsize::new(0) }
    }

    /// A share of so much.
    pub(crate) fn of(budget: &Arc<Budget>, bytes: usize) -> Self {
        let share = Self::new(budget);
        share.set(bytes);
        share
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// What it counts as.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Holds so much now. Less than a step more or less is not told to anybody. One task at a time calls this.
    #[inline]
    pub(crate) fn follow(&self, bytes: usize) {
        let steps = bytes - bytes % STEP;
        if steps != self.bytes() {
            self.set(steps);
        }
    }

    /// Whether its owner may hold so much in all.
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
        let comfortable = self.budget.comfortable();
        if was <= comfortable && was + more > comfortable {
            self.budget.pressed.notify_one();
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
    fn what_is_less_than_a_step_is_not_counted() {
        let budget = Budget::new(MIB);
        let share = Share::new(&budget);
        share.follow(STEP - 1);
        assert_eq!(budget.used(), 0);
        share.follow(2 * STEP + 1);
        assert_eq!(budget.used(), 2 * STEP);
        share.follow(STEP);
        assert_eq!(budget.used(), STEP);
        drop(share);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn states_and_what_is_shared_are_counted_to_the_octet_and_leave_half_for_messages() {
        let budget = Budget::new(100);
        let _state = Share::of(&budget, 30);
        assert_eq!(budget.used(), 30);
        assert!(budget.has_room_for_state(20) && !budget.has_room_for_state(21));
    }

    #[test]
    fn many_who_take_all_they_can_leave_as_much_for_one_more_and_stay_within_the_limit() {
        for count in [1, 2, 20, 100] {
            let budget = Budget::new(100 * MIB);
            let shares: Vec<Share> = (0..count).map(|_| Share::new(&budget)).collect();
            // Each in its turn takes a step more, as long as it may.
            while shares.iter().fold(false, |has_grown, share| {
                let more = share.bytes() + STEP;
                let may = share.admits(more);
                if may {
                    share.follow(more);
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
    async fn pressure_is_told_of_when_it_begins() {
        let budget = Budget::new(8 * MIB);
        let share = Share::of(&budget, 7 * MIB);
        let mut pressed = std::pin::pin!(budget.pressed());
        assert!(poll_once(pressed.as_mut()).await.is_pending());
        share.follow(7 * MIB + STEP);
        pressed.await;
    }

    async fn poll_once<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
    }
}
