//! Time slices: for how long a task may keep its thread from the other tasks of the worker.
//!
//! A slice belongs to the thread. It begins when the thread goes on with a task. Whatever the task does counts:
//! calls of the guest, what they have the host do, framing and compression, and reading many messages. Between
//! two pieces of work it asks whether the slice [is over](is_over), and then lets the others go on.
//!
//! The time is that of the [`ticker`]. So the first two slices of a task that works for long end at ticks, after 10 ms
//! at most; from then on it ticks finely. A call of the guest that computes is interrupted by the ticks themselves:
//! at the second one, and then at each.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::ticker;

/// How long a slice is, in nanoseconds: long against what it costs to change tasks, short against what people and
/// health checks notice, also when dozens of tasks use up theirs.
const LENGTH: u64 = 1_000_000;

thread_local! {
    static CURRENT: Cell<Slice> = const { Cell::new(Slice { number: 0, began: 0 }) };
}

/// A slice of the thread. Another one is never equal to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    number: u64,
    began: u64,
}

/// The slice that runs now.
#[inline(always)]
pub(crate) fn current() -> Slice {
    CURRENT.get()
}

/// Whether others should go on.
#[inline(always)]
pub(crate) fn is_over() -> bool {
    ticker::now().saturating_sub(CURRENT.get().began) >= LENGTH
}

/// Whether a task works for long, or a tick happened to fall into one of its short slices: where many tasks have short
/// ones, there is hardly a tick that does not.
#[derive(Debug, Default)]
pub(crate) struct Overruns {
    /// A slice ended before the task had done this piece of its work.
    now: bool,
    /// The same of the piece before.
    before: bool,
}

impl Overruns {
    /// The task begins another piece of its work.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    /// The slice is over, and the piece is not done. Once is chance.
    #[cold]
    pub(crate) fn count(&mut self) {
        if self.is_repeated() {
            ticker::request_fine_ticks();
        }
    }

    fn is_repeated(&mut self) -> bool {
        std::mem::replace(&mut self.now, true) || self.before
    }
}

/// Lets all other tasks of the worker go on, and the system be asked what it has for them.
///
/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
pub(crate) async fn yield_now() {
    tokio::task::yield_now().await;
}

pin_project! {
    /// A task whose slices are counted: one begins whenever the thread goes on with it.
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
    fn task_works_for_long_when_its_slices_end_again_and_again() {
        let mut in_one_piece = Overruns::default();
        in_one_piece.begin();
        assert!(!in_one_piece.is_repeated(), "a tick that happened to fall there");
        assert!(in_one_piece.is_repeated());

        let mut in_each = Overruns::default();
        in_each.begin();
        assert!(!in_each.is_repeated());
        in_each.begin();
        assert!(in_each.is_repeated(), "the piece before was long too");

        let mut now_and_then = Overruns::default();
        for _ in 0..3 {
            now_and_then.begin();
            assert!(!now_and_then.is_repeated());
            now_and_then.begin();
        }
    }

    #[tokio::test]
    async fn slice_is_over_after_a_while_and_another_begins_when_others_have_gone_on() {
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
