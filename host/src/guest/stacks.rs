//! Stacks for calls into dense instances.

#![expect(unsafe_code, reason = "wasmtime trusts what these types report about a stack")]

use std::cell::RefCell;
use std::future::poll_fn;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use wasmtime::component::{Instance, InstancePre};
use wasmtime::{StackCreator, StackMemory, Store};

use super::arena::{Arena, Guard, Slot};
use super::image::{Images, PendingImages};

/// Creates stacks. Each has a guard page below it.
pub(super) struct Stacks {
    arena: Arc<Arena>,
}

/// A stack. A store keeps the stack of its last call for the next call. The stack keeps all memory that the deepest
/// call has touched.
struct Stack {
    slot: Slot,
}

thread_local! {
    /// The stack that this thread created last.
    static LAST: RefCell<Option<Arc<Stack>>> = const { RefCell::new(None) };
}

impl Stacks {
    /// Returns a creator of stacks with `size` bytes.
    pub(super) fn new(size: usize) -> Self {
        Self { arena: Arena::new(size, Guard::Page) }
    }
}

/// The stack on which the calls of a store run. `None` if this module did not create it.
#[derive(Default)]
pub(super) struct StackOfStore(Option<Arc<Stack>>);

impl StackOfStore {
    /// Gives the memory of the stack back to the kernel. The next call finds only zeros, as in a new stack.
    ///
    /// # Safety
    ///
    /// No call of the store may be in progress.
    pub(super) unsafe fn clear(&self) {
        if let Some(stack) = &self.0 {
            // An error does no harm: the memory stays in use.
            // SAFETY: wasmtime uses a stack only while a call runs, and the caller guarantees that no call is running.
            let _ = unsafe { stack.slot.clear() };
        }
    }
}

/// Creates an instance in a new store. If the component's initial data was moved to `images`, the memories of the
/// instance begin with these images. Gives the memory of the store's stack back to the kernel, because events need less
/// stack than start-up code.
///
/// # Cancel safety
///
/// Not cancel safe: the store must be dropped with the future.
pub(super) async fn instantiate<T: Send>(
    pre: &InstancePre<T>,
    store: &mut Store<T>,
    images: Option<Arc<Images>>,
) -> wasmtime::Result<(Instance, StackOfStore)> {
    let mut stack = StackOfStore::default();
    let mut supply = images.map(PendingImages::new);
    let mut instantiating = pin!(pre.instantiate_async(store));
    let instance = poll_fn(|context| {
        LAST.set(None);
        let polled = PendingImages::during(&mut supply, || instantiating.as_mut().poll(context));
        stack.0 = stack.0.take().or_else(|| LAST.take());
        polled
    })
    .await?;
    // SAFETY: the stack was created by a poll of this very future, for a call that has ended. The store is still
    // borrowed, so no other call has begun on that stack.
    unsafe { stack.clear() };
    Ok((instance, stack))
}

// SAFETY: a slot begins and ends at a page boundary, is all zeros at first, has a guard page below it, and belongs to
// one stack at a time. It returns to the arena when the last `Arc` of its stack is dropped. Wasmtime, `LAST` and the
// result of `instantiate` may each hold such an `Arc`.
unsafe impl StackCreator for Stacks {
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        if size > self.arena.size() {
            return Err(wasmtime::Error::msg("the stack is larger than configured"));
        }
        let stack = Arc::new(Stack { slot: self.arena.slot()? });
        LAST.set(Some(Arc::clone(&stack)));
        Ok(Box::new(Shared(stack)))
    }
}

/// Wasmtime's handle to a stack.
struct Shared(Arc<Stack>);

// SAFETY: the ranges are those of the slot in `self`, which lives as long as `self`.
unsafe impl StackMemory for Shared {
    fn top(&self) -> *mut u8 {
        let slot = &self.0.slot;
        slot.start().wrapping_add(slot.size())
    }

    fn range(&self) -> Range<usize> {
        let start = self.0.slot.start().addr();
        start..start + self.0.slot.size()
    }

    fn guard_range(&self) -> Range<*mut u8> {
        self.0.slot.gap()..self.0.slot.start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_fills_its_slot_and_begins_above_its_guard_page() -> wasmtime::Result<()> {
        let stack = Stacks::new(128 << 10).new_stack(128 << 10, false)?;
        assert_eq!(stack.range().len(), 128 << 10);
        assert_eq!(stack.top().addr(), stack.range().end);
        assert_eq!(stack.guard_range().end.addr(), stack.range().start);
        assert!(stack.guard_range().start < stack.guard_range().end);
        Ok(())
    }

    #[test]
    fn stack_larger_than_configured_is_refused() {
        assert!(Stacks::new(128 << 10).new_stack(256 << 10, false).is_err());
    }

    #[test]
    fn cleared_stack_is_all_zeros_and_stays_usable() -> wasmtime::Result<()> {
        let stack = Stacks::new(128 << 10).new_stack(128 << 10, false)?;
        let of_store = StackOfStore(LAST.take());
        for round in 1..=2 {
            for below in [1, 60_000, 128 << 10] {
                let byte = stack.top().wrapping_sub(below);
                // SAFETY: the byte lies in the stack, which only this test uses.
                assert_eq!(unsafe { byte.replace(round) }, 0);
            }
            // SAFETY: no call uses the stack.
            unsafe { of_store.clear() };
        }
        Ok(())
    }
}
