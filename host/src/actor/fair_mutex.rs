//! The lock of an actor's slot.
//!
//! Unlocking wakes the first waiter but does not hand the lock over. Until that waiter runs, other tasks may take the
//! lock. If unlocking handed over the lock, a queue would never drain under load: every event would find another event
//! ahead of it, would have to wait, and would cost two task switches. But no task waits forever. Once the first waiter
//! has waited for a tick of the `ticker`, no other task may take the lock.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};

use crate::ticker;

/// A mutex with a queue. Other tasks may overtake the first waiter only until the first tick after it began to wait.
#[derive(Debug, Default)]
pub(super) struct FairMutex<T> {
    value: Mutex<T>,
    waiters: Mutex<WaitQueue>,
    /// The time at which the first waiter began to wait, plus one. It is 0 if there is no waiter.
    waiting_since: AtomicU64,
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
    /// `None` if the waiter has been woken and not polled since.
    waker: Option<Waker>,
}

/// The locked value. Dropping the guard wakes the first waiter.
pub(super) struct FairMutexGuard<'a, T> {
    // Fields are dropped in this order. The mutex is unlocked first, so that the woken waiter finds it unlocked.
    guard: MutexGuard<'a, T>,
    _next: WakeNext<'a, T>,
}

struct WakeNext<'a, T>(&'a FairMutex<T>);

/// A position in the queue. Dropping the ticket gives up the position.
struct Ticket<'a, T> {
    mutex: &'a FairMutex<T>,
    number: u64,
}

impl<T> FairMutex<T> {
    /// Locks the mutex if it is unlocked and no tick has passed since the first waiter began to wait.
    #[inline]
    pub(super) fn try_lock(&self) -> Option<FairMutexGuard<'_, T>> {
        self.try_lock_at(ticker::now())
    }

    /// Does the same as [`try_lock`](Self::try_lock), with `now` as the ticker's time.
    #[inline]
    fn try_lock_at(&self, now: u64) -> Option<FairMutexGuard<'_, T>> {
        match self.waiting_since.load(Ordering::Acquire) {
            0 => {}
            since if since > now => {}
            _ => return None,
        }
        self.try_acquire()
    }

    /// Waits until the mutex is unlocked, and locks it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the position in the queue.
    pub(super) async fn lock(&self) -> FairMutexGuard<'_, T> {
        if let Some(guard) = self.try_lock() {
            return guard;
        }
        let ticket = self.enqueue();
        poll_fn(|context| ticket.poll(context)).await
    }

    fn try_acquire(&self) -> Option<FairMutexGuard<'_, T>> {
        Some(FairMutexGuard { guard: self.value.try_lock()?, _next: WakeNext(self) })
    }

    fn enqueue(&self) -> Ticket<'_, T> {
        let mut waiters = self.waiters.lock();
        let number = waiters.next_number;
        waiters.next_number += 1;
        // The time is increased by 1 for two reasons. The value must not be 0, because 0 means that there is no waiter.
        // And until the next tick, the value must be greater than the ticker's time, so that other tasks may overtake
        // the waiter.
        let since = ticker::now() + 1;
        waiters.queue.push_back(Waiter { number, since, waker: None });
        self.publish_first(&waiters);
        Ticket { mutex: self, number }
    }

    fn publish_first(&self, waiters: &WaitQueue) {
        let since = waiters.queue.front().map_or(0, |first| first.since);
        self.waiting_since.store(since, Ordering::Release);
        // Pairs with the fence in `WakeNext::drop`: either the waiter later finds the mutex unlocked, or the unlocking
        // task sees the waiter.
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
        let mut waiters = self.mutex.waiters.lock();
        let Some(at) = waiters.find(self.number) else {
            // A ticket leaves the queue only when it gets the lock or is dropped. It is not polled after that.
            return Poll::Pending;
        };
        // The waker must be set before the attempt to lock. Then a task that unlocks the mutex in between finds the
        // waker.
        waiters.queue[at].waker = Some(context.waker().clone());
        if at > 0 {
            return Poll::Pending;
        }
        // `waiters` is locked here, and dropping the guard would lock `waiters` a second time. So the guard must not be
        // dropped in this scope.
        let Some(guard) = self.mutex.try_acquire() else { return Poll::Pending };
        waiters.queue.pop_front();
        self.mutex.publish_first(&waiters);
        Poll::Ready(guard)
    }
}

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        let mut waiters = self.mutex.waiters.lock();
        if let Some(at) = waiters.find(self.number) {
            let was_woken = waiters.queue[at].waker.is_none();
            waiters.queue.remove(at);
            self.mutex.publish_first(&waiters);
            if at == 0 && was_woken {
                waiters.wake_first();
            }
        }
    }
}

impl<T> Drop for WakeNext<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Runs after unlocking. Pairs with the fence in `publish_first`.
        fence(Ordering::SeqCst);
        if self.0.waiting_since.load(Ordering::Acquire) != 0 {
            self.0.waiters.lock().wake_first();
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
    struct WakeCount(AtomicU64);

    impl Wake for WakeCount {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl WakeCount {
        fn get(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn poll<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
            future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
        }
    }

    #[test]
    fn first_waiter_is_woken_and_others_may_pass_until_it_is_polled() {
        let mutex = FairMutex::<()>::default();
        let (first_wakes, second_wakes) =
            (Arc::<WakeCount>::default(), Arc::<WakeCount>::default());
        let guard = mutex.try_lock().expect("unlocked");
        let mut first = pin!(mutex.lock());
        let mut second = pin!(mutex.lock());
        assert!(first_wakes.poll(first.as_mut()).is_pending());
        assert!(second_wakes.poll(second.as_mut()).is_pending());
        drop(guard);
        assert_eq!((first_wakes.get(), second_wakes.get()), (1, 0));
        let passing = mutex.try_lock_at(0).expect("nobody has waited long");
        assert!(first_wakes.poll(first.as_mut()).is_pending());
        drop(passing);
        assert_eq!((first_wakes.get(), second_wakes.get()), (2, 0));
        assert!(second_wakes.poll(second.as_mut()).is_pending(), "it is not its turn");
        let Poll::Ready(guard) = first_wakes.poll(first.as_mut()) else { panic!("unlocked") };
        drop(guard);
        assert_eq!((first_wakes.get(), second_wakes.get()), (2, 1));
        assert!(second_wakes.poll(second.as_mut()).is_ready());
        assert!(mutex.try_lock().is_some(), "nobody waits any more");
    }

    #[test]
    fn nobody_passes_when_the_first_has_waited_long() {
        let mutex = FairMutex::<()>::default();
        let guard = mutex.try_lock().expect("unlocked");
        let wakes = Arc::<WakeCount>::default();
        let mut first = Box::pin(mutex.lock());
        assert!(wakes.poll(first.as_mut()).is_pending());
        drop(guard);
        assert!(mutex.try_lock_at(u64::MAX).is_none());
        // A waiter that has given up no longer blocks other tasks.
        drop(first);
        assert!(mutex.try_lock().is_some());
    }

    #[test]
    fn waiter_that_gives_up_after_it_was_woken_wakes_the_next_one() {
        let mutex = FairMutex::<()>::default();
        let guard = mutex.try_lock().expect("unlocked");
        let (first_wakes, second_wakes) =
            (Arc::<WakeCount>::default(), Arc::<WakeCount>::default());
        let mut first = Box::pin(mutex.lock());
        let mut second = Box::pin(mutex.lock());
        assert!(first_wakes.poll(first.as_mut()).is_pending());
        assert!(second_wakes.poll(second.as_mut()).is_pending());
        drop(guard);
        assert_eq!(second_wakes.get(), 0);
        drop(first);
        assert_eq!(second_wakes.get(), 1);
        assert!(second_wakes.poll(second.as_mut()).is_ready());
    }
}
