//! The longest slice of a worker in the last 30 to 60 seconds.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

thread_local! {
    static OF_THIS_THREAD: RefCell<Option<Arc<LongestSlice>>> = const { RefCell::new(None) };
}

/// The longest slice of a thread, in the current and in the previous period.
#[derive(Debug, Default)]
pub(crate) struct LongestSlice {
    current: AtomicU64,
    previous: AtomicU64,
}

impl LongestSlice {
    /// Starts to record the slices of the current thread in this value.
    pub(crate) fn record_this_thread(self: Arc<Self>) {
        OF_THIS_THREAD.set(Some(self));
    }

    /// Ends a period.
    pub(crate) fn end_period(&self) {
        self.previous.store(self.current.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Returns the longest slice of the current and the previous period.
    pub(crate) fn get(&self) -> Duration {
        let [current, previous] =
            [&self.current, &self.previous].map(|nanoseconds| nanoseconds.load(Ordering::Relaxed));
        Duration::from_nanos(current.max(previous))
    }
}

/// Records the length, in nanoseconds, of a slice during which a tick occurred.
#[cold]
pub(super) fn note(length: u64) {
    OF_THIS_THREAD.with_borrow(|longest| {
        if let Some(longest) = longest {
            longest.current.fetch_max(length, Ordering::Relaxed);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_is_forgotten_after_two_periods() {
        let longest = Arc::<LongestSlice>::default();
        Arc::clone(&longest).record_this_thread();
        note(2_000_000);
        note(1_000_000);
        assert_eq!(longest.get(), Duration::from_millis(2));
        longest.end_period();
        note(500_000);
        assert_eq!(longest.get(), Duration::from_millis(2));
        longest.end_period();
        assert_eq!(longest.get(), Duration::from_micros(500));
    }
}
