//! Linear memories of dense instances.
//!
//! A memory has a slot as long as an instance's memory may become. So it never moves when it grows,
//! which would copy it and make all of it resident.

#![expect(unsafe_code, reason = "wasmtime trusts what it is told of a memory")]

use std::sync::Arc;

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::arena::{Arena, Below, Slot};

/// When a memory grows beyond this, in octets, the rest of it comes in huge pages. To fill a long piece of fresh memory
/// is one step of the guest's, which nothing interrupts, and others of its worker wait for it: 0.3 ms for 1 MiB
/// of small pages and 0.04 ms of huge ones. Most instances stay below, and take no more than they touch.
const HUGE_FROM: usize = 2 << 20;

/// Makes linear memories of at most one size.
pub(super) struct Memories {
    arena: Arc<Arena>,
}

struct Memory {
    slot: Slot,
    size: usize,
}

impl Memories {
    /// Memories of at most so many octets.
    pub(super) fn new(max_size: usize) -> Self {
        Self { arena: Arena::new(max_size, Below::Nothing) }
    }
}

// SAFETY: a slot begins with zeros and has one owner at a time. Compiled code checks every access
// against the memory's size: guards were not asked for, and are refused if they are.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        if guard_size_in_bytes > 0 || reserved_size_in_bytes.is_some_and(|size| size > 0) {
            return Err("memories of this engine have no guards".into());
        }
        if minimum > self.arena.size() {
            return Err(format!("a memory of {minimum} octets is larger than any may be"));
        }
        let slot = self.arena.slot().map_err(|error| error.to_string())?;
        Ok(Box::new(Memory { slot, size: minimum }))
    }
}

// SAFETY: the memory is that of a slot, which lives as long as this and never moves.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.slot.size()
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.slot.size() {
            return Err(wasmtime::Error::msg("a memory larger than any may be"));
        }
        if new_size > HUGE_FROM {
            self.slot.use_huge_pages(self.size);
        }
        self.size = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.slot.start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(minimum: usize, guard: usize) -> Result<Box<dyn LinearMemory>, String> {
        Memories::new(1 << 20).new_memory(MemoryType::new(1, None), minimum, None, None, guard)
    }

    #[test]
    fn memory_grows_in_its_place_up_to_its_slot() -> Result<(), String> {
        let mut memory = memory(64 << 10, 0)?;
        let start = memory.as_ptr();
        assert_eq!(memory.byte_size(), 64 << 10);
        memory.grow_to(1 << 20).map_err(|error| error.to_string())?;
        assert_eq!((memory.as_ptr(), memory.byte_size()), (start, 1 << 20));
        assert!(memory.grow_to((1 << 20) + 1).is_err());
        assert_eq!(memory.byte_size(), 1 << 20);
        Ok(())
    }

    #[test]
    fn what_compiled_code_does_not_check_is_refused() {
        assert!(memory(64 << 10, 4096).is_err());
        assert!(memory(2 << 20, 0).is_err());
    }
}
