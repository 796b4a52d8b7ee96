//! Stacks for calls into dense instances.

#![expect(unsafe_code, reason = "wasmtime trusts what these types report about a stack")]

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use wasmtime::{StackCreator, StackMemory};

use super::arena::{Arena, Guard, Slot};

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

/// Runs `create`. If it creates the stack of a store, puts that stack into `stack`, unless there is one already.
pub(super) fn during<R>(stack: &mut StackOfStore, create: impl FnOnce() -> R) -> R {
    LAST.set(None);
    let created = create();
    stack.0 = stack.0.take().or_else(|| LAST.take());
    created
}

// SAFETY: a slot begins and ends at a page boundary, is all zeros at first, has a guard page below it, and belongs to
// one stack at a time. It returns to the arena when the last `Arc` of its stack is dropped. Wasmtime, `LAST` and a
// `StackOfStore` may each hold such an `Arc`.
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
