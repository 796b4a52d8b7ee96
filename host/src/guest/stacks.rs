//! Stacks for calls into dense instances.

#![expect(unsafe_code, reason = "wasmtime trusts what it is told of a stack")]

use std::cell::RefCell;
use std::future::poll_fn;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use wasmtime::component::{Instance, InstancePre};
use wasmtime::{StackCreator, StackMemory, Store};

use super::arena::{Arena, Below, Slot};

/// Makes stacks, each above a guard page.
pub(super) struct Stacks {
    arena: Arc<Arena>,
}

/// A stack. Every store keeps the one of its last call, and with it as much memory as the deepest call
/// has touched.
struct Stack {
    slot: Slot,
}

thread_local! {
    /// The stack that this thread made last.
    static LAST: RefCell<Option<Arc<Stack>>> = const { RefCell::new(None) };
}

impl Stacks {
    /// Stacks of so many octets.
    pub(super) fn new(size: usize) -> Self {
        Self { arena: Arena::new(size, Below::Guard) }
    }
}

/// Makes an instance in a new store, and gives the memory of its stack back: events need less.
///
/// # Cancel safety
///
/// The store must be dropped with the future.
pub(super) async fn instantiate<T: Send>(
    pre: &InstancePre<T>,
    store: &mut Store<T>,
) -> wasmtime::Result<Instance> {
    let mut stack = None;
    let mut making = pin!(pre.instantiate_async(store));
    let made = poll_fn(|context| {
        LAST.set(None);
        let polled = making.as_mut().poll(context);
        stack = stack.take().or_else(|| LAST.take());
        polled
    })
    .await;
    if let Some(Stack { slot }) = stack.as_deref() {
        // SAFETY: the call that the stack was made for, on this thread and in that very poll, has ended,
        // and the store is borrowed, so that it has not begun another. Memory that stays is no harm.
        let _ = unsafe { slot.clear() };
    }
    made
}

// SAFETY: a slot begins and ends at pages, begins with zeros, has a guard page below it, and has one
// owner at a time. It is given back when the last of its owners, wasmtime and the instance, drops it.
unsafe impl StackCreator for Stacks {
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        if size > self.arena.size() {
            return Err(wasmtime::Error::msg("a stack of another size than was configured"));
        }
        let stack = Arc::new(Stack { slot: self.arena.slot()? });
        LAST.set(Some(Arc::clone(&stack)));
        Ok(Box::new(Shared(stack)))
    }
}

/// Wasmtime's share of a stack.
struct Shared(Arc<Stack>);

// SAFETY: the ranges are those of a slot, which lives as long as this.
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
        self.0.slot.below()..self.0.slot.start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_ends_where_its_slot_does_and_begins_above_its_guard() -> wasmtime::Result<()> {
        let stack = Stacks::new(128 << 10).new_stack(128 << 10, false)?;
        assert_eq!(stack.range().len(), 128 << 10);
        assert_eq!(stack.top().addr(), stack.range().end);
        assert_eq!(stack.guard_range().end.addr(), stack.range().start);
        assert!(stack.guard_range().start < stack.guard_range().end);
        Ok(())
    }

    #[test]
    fn stack_of_another_size_is_refused() {
        assert!(Stacks::new(128 << 10).new_stack(256 << 10, false).is_err());
    }
}
