//! Time slices: how long a task may use its thread before it yields to the other tasks of the worker.
//!
//! A slice belongs to the thread. It begins when the thread polls a task. Everything that the task does counts: calls
//! of the guest, the work of the host for these calls, framing and compression, and reading many messages. Between two
//! pieces of work, the task checks whether the slice [is over](is_over), and yields if it is.
//!
//! The time comes from the [`ticker`]. So the first two slices of a long computation end at ticks, after 10 ms at most.
//! Then the ticks become fine. A call of the guest that computes is interrupted by the ticks themselves: at the second
//! tick, and then at each one.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::ticker;

/// The length of a slice, in nanoseconds. It is long compared with the cost of a task switch. It is short compared with
/// what people and health checks notice, even if dozens of tasks use up their slices.
const LENGTH: u64 = 1_000_000;

thread_local! {
    static CURRENT: Cell<Slice> = const { Cell::new(Slice { number: 0, began: 0 }) };
}

/// A slice of the thread. No two slices of a thread are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    number: u64,
    began: u64,
}

/// Returns the current slice.
#[inline(always)]
pub(crate) fn current() -> Slice {
    CURRENT.get()
}

/// Returns whether the slice is over, so that the task should yield.
#[inline(always)]
pub(crate) fn is_over() -> bool {
    ticker::now().saturating_sub(CURRENT.get().began) >= LENGTH
}

/// Tells a long computation from a tick that happened to fall into a short slice. If many tasks have short slices,
/// nearly every tick falls into one.
#[derive(Debug, Default)]
pub(crate) struct Overruns {
    /// Whether a slice ended during the current piece of work.
    current: bool,
    /// Whether a slice ended during the previous piece of work.
    previous: bool,
}

impl Overruns {
    /// Begins another piece of work.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.previous = std::mem::take(&mut self.current);
    }

    /// Records that the slice is over before the piece of work is done. Requests fine ticks if this is not the first
    /// time: once may be chance.
    #[cold]
    pub(crate) fn count(&mut self) {
        if self.is_repeated() {
            ticker::request_fine_ticks();
        }
    }

    fn is_repeated(&mut self) -> bool {
        std::mem::replace(&mut self.current, true) || self.previous
    }
}

/// Yields to all other tasks of the worker, and lets the runtime poll the system for events.
///
/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
pub(crate) async fn yield_now() {
    tokio::task::yield_now().await;
}

pin_project! {
    /// A task with slices: every poll begins one.
    #[derive(Debug)]
    pub(crate) struct Sliced<F> {
        #[pin]
        task: F,
    }
}

impl<F: Future> Sliced<F> {
    pub(crate) fn new(task: F) -> Self {
        Self { task }
    }
}

impl<F: Future> Future for Sliced<F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let number = CURRENT.get().number + 1;
        CURRENT.set(Slice { number, began: ticker::now() });
        self.project().task.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_overruns_show_a_long_computation() {
        let mut one_piece = Overruns::default();
        one_piece.begin();
        assert!(!one_piece.is_repeated(), "a tick that happened to fall into the slice");
        assert!(one_piece.is_repeated());

        let mut each_piece = Overruns::default();
        each_piece.begin();
        assert!(!each_piece.is_repeated());
        each_piece.begin();
        assert!(each_piece.is_repeated(), "the previous piece was long too");

        let mut some_pieces = Overruns::default();
        for _ in 0..3 {
            some_pieces.begin();
            assert!(!some_pieces.is_repeated());
            some_pieces.begin();
        }
    }

    #[tokio::test]
    async fn slice_ends_after_a_while_and_another_one_begins_after_a_yield() {
        let mut ends = Vec::new();
        Sliced::new(async {
            let first = current();
            ticker::on_every_tick(|| ticker::Repeat::Yes).expect("a thread");
            ticker::request_fine_ticks();
            while !is_over() {
                std::thread::yield_now();
            }
            assert_eq!(current(), first);
            yield_now().await;
            assert_ne!(current(), first);
            ends.push(is_over());
        })
        .await;
        assert_eq!(ends, [false]);
    }
}
