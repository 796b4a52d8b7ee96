//! Who waits for their turn with an actor.
//!
//! The turn is not handed over: whoever ends theirs wakes the first who waits, and until that one runs, others may
//! pass. A lock that hands over makes a queue that never dissolves under load: every event meets somebody
//! before it, waits, and costs two switches of tasks. So that nobody waits for ever, nobody passes any more
//! when the first has waited for a tick of the `ticker`.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};

use crate::ticker;

/// What one at a time may have, in the order in which they asked, roughly.
#[derive(Debug, Default)]
pub(super) struct FairMutex<T> {
    held: Mutex<T>,
    waiting: Mutex<WaitQueue>,
    /// When the first who waits began to, and one more; 0 if nobody waits.
    since: AtomicU64,
}

#[derive(Debug, Default)]
struct WaitQueue {
    queue: VecDeque<Waiter>,
    next_number: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    since: u64,
    /// `None` once it was woken, until it has looked.
    waker: Option<Waker>,
}

/// What was had for a turn. The next one is woken when it is dropped.
pub(super) struct FairMutexGuard<'a, T> {
    // Dropped in this order: who is woken must find it free.
    guard: MutexGuard<'a, T>,
    _next: WakeNext<'a, T>,
}

struct WakeNext<'a, T>(&'a FairMutex<T>);

/// A place in the line, given up when it is dropped.
struct Ticket<'a, T> {
    turns: &'a FairMutex<T>,
    number: u64,
}

impl<T> FairMutex<T> {
    /// What is free, unless somebody has waited too long for it.
    #[inline]
    pub(super) fn try_lock(&self) -> Option<FairMutexGuard<'_, T>> {
        match self.since.load(Ordering::Acquire) {
            0 => {}
            since if since > ticker::now() => {}
            _ => return None,
        }
        self.try_hold()
    }

    /// Waits until it is free.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line.
    pub(super) async fn lock(&self) -> FairMutexGuard<'_, T> {
        if let Some(held) = self.try_lock() {
            return held;
        }
        let ticket = self.enqueue();
        poll_fn(|context| ticket.poll(context)).await
    }

    fn try_hold(&self) -> Option<FairMutexGuard<'_, T>> {
        Some(FairMutexGuard { guard: self.held.try_lock()?, _next: WakeNext(self) })
    }

    fn enqueue(&self) -> Ticket<'_, T> {
        let mut waiting = self.waiting.lock();
        let number = waiting.next_number;
        waiting.next_number += 1;
        // One more than the time, so that it is never 0 and the tick itself is not waiting yet.
        let since = ticker::now() + 1;
        waiting.queue.push_back(Waiter { number, since, waker: None });
        self.note_first(&waiting);
        Ticket { turns: self, number }
    }

    fn note_first(&self, waiting: &WaitQueue) {
        let since = waiting.queue.front().map_or(0, |first| first.since);
        self.since.store(since, Ordering::Release);
        // Before the lock is tried: either that finds it free, or who lets go of it finds somebody waiting.
        fence(Ordering::SeqCst);
    }
}

impl WaitQueue {
    fn find(&self, number: u64) -> Option<usize> {
        self.queue.binary_search_by_key(&number, |waiter| waiter.number).ok()
    }

    fn wake_first(&mut self) {
        if let Some(waker) = self.queue.front_mut().and_then(|first| first.waker.take()) {
            waker.wake();
        }
    }
}

impl<'a, T> Ticket<'a, T> {
    fn poll(&self, context: &Context<'_>) -> Poll<FairMutexGuard<'a, T>> {
        let mut waiting = self.turns.waiting.lock();
        let Some(at) = waiting.find(self.number) else {
            // Only a place that was given up has left the line.
            return Poll::Pending;
        };
        // Before it is tried: whoever lets go now must find somebody to wake.
        waiting.queue[at].waker = Some(context.waker().clone());
        if at > 0 {
            return Poll::Pending;
        }
        // Its end would take the lock that is held here: the line is left first.
        let Some(held) = self.turns.try_hold() else { return Poll::Pending };
        waiting.queue.pop_front();
        self.turns.note_first(&waiting);
        Poll::Ready(held)
    }
}

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        let mut waiting = self.turns.waiting.lock();
        if let Some(at) = waiting.find(self.number) {
            let was_woken = waiting.queue[at].waker.is_none();
            waiting.queue.remove(at);
            self.turns.note_first(&waiting);
            if at == 0 && was_woken {
                waiting.wake_first();
            }
        }
    }
}

impl<T> Drop for WakeNext<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Behind letting go: see `note_first`.
        fence(Ordering::SeqCst);
        if self.0.since.load(Ordering::Acquire) != 0 {
            self.0.waiting.lock().wake_first();
        }
    }
}

impl<T> std::ops::Deref for FairMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> std::ops::DerefMut for FairMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU64);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn times(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn poll<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
            future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
        }
    }

    #[test]
    fn first_who_waits_is_woken_and_others_pass_until_it_has_looked() {
        let turns = FairMutex::<()>::default();
        let (first, second) = (Arc::<Woken>::default(), Arc::<Woken>::default());
        let held = turns.try_lock().expect("free");
        let mut one = pin!(turns.lock());
        let mut other = pin!(turns.lock());
        assert!(first.poll(one.as_mut()).is_pending());
        assert!(second.poll(other.as_mut()).is_pending());
        drop(held);
        assert_eq!((first.times(), second.times()), (1, 0));
        let passing = turns.try_lock().expect("nobody has waited long");
        assert!(first.poll(one.as_mut()).is_pending());
        drop(passing);
        assert_eq!((first.times(), second.times()), (2, 0));
        assert!(second.poll(other.as_mut()).is_pending(), "it is not its turn");
        let Poll::Ready(held) = first.poll(one.as_mut()) else { panic!("it is free") };
        drop(held);
        assert_eq!((first.times(), second.times()), (2, 1));
        assert!(second.poll(other.as_mut()).is_ready());
        assert!(turns.try_lock().is_some(), "nobody waits any more");
    }

    #[test]
    fn nobody_passes_when_the_first_has_waited_long() {
        let turns = FairMutex::<()>::default();
        let held = turns.try_lock().expect("free");
        let woken = Arc::<Woken>::default();
        let mut first = Box::pin(turns.lock());
        assert!(woken.poll(first.as_mut()).is_pending());
        turns.since.store(1, Ordering::Relaxed);
        crate::ticker::wait_for_a_tick().expect("a thread");
        drop(held);
        assert!(turns.try_lock().is_none());
        // Whoever gives up makes way for the next one.
        drop(first);
        assert!(turns.try_lock().is_some());
    }

    #[test]
    fn who_was_woken_and_gives_up_wakes_the_next_one() {
        let turns = FairMutex::<()>::default();
        let held = turns.try_lock().expect("free");
        let (first, second) = (Arc::<Woken>::default(), Arc::<Woken>::default());
        let mut one = Box::pin(turns.lock());
        let mut other = Box::pin(turns.lock());
        assert!(first.poll(one.as_mut()).is_pending());
        assert!(second.poll(other.as_mut()).is_pending());
        drop(held);
        assert_eq!(second.times(), 0);
        drop(one);
        assert_eq!(second.times(), 1);
        assert!(second.poll(other.as_mut()).is_ready());
    }
}
