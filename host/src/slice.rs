//! Time slices: how long a task may use its thread before it yields to the other tasks of the worker.
//!
//! Each thread has one current slice. It begins when the thread polls a task. All work of the task uses up the slice:
//! calls into the guest, the host's work for these calls, framing and compression, and reading many messages. Between
//! two pieces of work, the task checks whether the slice [is over](is_over), and yields if it is.
//!
//! The time comes from the [`ticker`], so a task does not notice the end of its slice until the next tick. At first,
//! ticks are 10 ms apart, and the slice of a long computation can last that long. After two such slices in a row, the
//! ticker switches to ticks every 0.1 ms. If the guest (and not a host function) is running, it is interrupted at the
//! second tick of the call, and at every later tick.

mod longest;

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pub(crate) use self::longest::LongestSlice;
use crate::ticker;

/// The length of a slice, in nanoseconds. It is long compared with the cost of a task switch. It is short compared with
/// the delays that people and health checks notice, even if dozens of tasks use up their slices.
const LENGTH: u64 = 1_000_000;

thread_local! {
    static CURRENT: Cell<Slice> = const { Cell::new(Slice { number: 0, began: 0 }) };
}

#[cfg(feature = "testing")]
thread_local! {
    static ENDLESS: Cell<bool> = const { Cell::new(false) };
}

/// A slice. No two slices of a thread are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    number: u64,
    began: u64,
}

/// Returns the current slice of this thread.
#[inline(always)]
pub(crate) fn current() -> Slice {
    CURRENT.get()
}

/// Returns whether the slices of this thread can end. They always can, except in a test of a handler.
#[inline(always)]
pub(crate) fn has_end() -> bool {
    #[cfg(feature = "testing")]
    return !ENDLESS.get();
    #[cfg(not(feature = "testing"))]
    true
}

/// Runs work during which no slice ends. Ticks come in real time, so tasks that yield at ticks would run in a different
/// order each time.
#[cfg(feature = "testing")]
pub(crate) fn without_end<T>(work: impl FnOnce() -> T) -> T {
    let before = ENDLESS.replace(true);
    let done = work();
    ENDLESS.set(before);
    done
}

/// Returns whether the current slice is over and the task should yield.
#[inline(always)]
pub(crate) fn is_over() -> bool {
    if !has_end() {
        return false;
    }
    ticker::now().saturating_sub(CURRENT.get().began) >= LENGTH
}

/// Distinguishes a long computation from a short one that a tick happened to hit. This is necessary because nearly
/// every tick hits a slice if many tasks have short slices.
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
    pub(crate) fn next_piece(&mut self) {
        self.previous = std::mem::take(&mut self.current);
    }

    /// Records that the slice ended before the piece of work did. Requests a shorter interval between ticks if this is
    /// at least the second overrun in a row. A single overrun may be chance.
    #[cold]
    pub(crate) fn record(&mut self) {
        if self.record_and_check_repeat() {
            ticker::request_fine_ticks();
        }
    }

    /// Records an overrun. Returns whether it is at least the second in a row.
    fn record_and_check_repeat(&mut self) -> bool {
        std::mem::replace(&mut self.current, true) || self.previous
    }
}

/// Yields to all other tasks of the worker, and lets the runtime poll the kernel for events.
///
/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
pub(crate) async fn yield_now() {
    tokio::task::yield_now().await;
}

pin_project! {
    /// A task with slices. Every poll begins a new slice.
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
        let began = ticker::now();
        CURRENT.set(Slice { number, began });
        let polled = self.project().task.poll(context);
        let length = ticker::now().saturating_sub(began);
        if length > 0 {
            longest::note(length);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_overruns_show_a_long_computation() {
        let mut one_piece = Overruns::default();
        one_piece.next_piece();
        assert!(
            !one_piece.record_and_check_repeat(),
            "a tick that happened to fall into the slice"
        );
        assert!(one_piece.record_and_check_repeat());

        let mut each_piece = Overruns::default();
        each_piece.next_piece();
        assert!(!each_piece.record_and_check_repeat());
        each_piece.next_piece();
        assert!(each_piece.record_and_check_repeat(), "the previous piece was long too");

        let mut some_pieces = Overruns::default();
        for _ in 0..3 {
            some_pieces.next_piece();
            assert!(!some_pieces.record_and_check_repeat());
            some_pieces.next_piece();
        }
    }

    #[tokio::test]
    async fn slice_ends_after_a_while_and_another_one_begins_after_a_yield() {
        Sliced::new(async {
            let first = current();
            ticker::on_every_tick(|| ticker::Repeat::Yes).expect("a thread");
            ticker::request_fine_ticks();
            while !is_over() {
                std::thread::yield_now();
            }
            assert_eq!(current(), first);
            // If the operating system pauses this thread, the next slice may be over as well. This does not happen
            // every time.
            while is_over() {
                yield_now().await;
            }
            assert_ne!(current(), first);
        })
        .await;
    }
}
