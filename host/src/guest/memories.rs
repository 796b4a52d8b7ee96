//! Linear memories of dense instances.
//!
//! A memory has a slot of the largest size that an instance's memory may have. So a growing memory never moves. A move
//! would copy the memory and make all of it resident.

#![expect(unsafe_code, reason = "wasmtime trusts what these types report about a memory")]

use std::sync::Arc;

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::arena::{Arena, Guard, Slot};

/// The size, in bytes, above which a growing memory uses huge pages for its new part. A guest can fill a long stretch
/// of new memory in one instruction. Nothing interrupts the instruction, and the other tasks of the worker wait: 0.3 ms
/// for 1 MiB of small pages, 0.04 ms for 1 MiB of huge ones. Most instances stay below this size, and take only the
/// memory that they touch.
const HUGE_PAGE_THRESHOLD: usize = 2 << 20;

/// Creates linear memories up to a maximum size.
pub(super) struct Memories {
    arena: Arc<Arena>,
}

struct Memory {
    slot: Slot,
    size: usize,
}

impl Memories {
    /// Returns a creator of memories of at most `max_size` bytes.
    pub(super) fn new(max_size: usize) -> Self {
        Self { arena: Arena::new(max_size, Guard::None) }
    }
}

// SAFETY: a slot is all zeros at first and has one owner at a time. Compiled code checks every access against the
// memory's size: the engine's configuration asks for no guard regions, and a request for one is refused below.
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
            return Err("this engine's memories have no guard regions".into());
        }
        if minimum > self.arena.size() {
            let max = self.arena.size();
            return Err(format!(
                "a memory of {minimum} bytes is too large: at most {max} are allowed"
            ));
        }
        let slot = self.arena.slot().map_err(|error| error.to_string())?;
        Ok(Box::new(Memory { slot, size: minimum }))
    }
}

// SAFETY: the memory is that of the slot in `self`, which lives as long as `self` and never moves.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.slot.size()
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.slot.size() {
            return Err(wasmtime::Error::msg("the memory would become larger than its slot"));
        }
        if new_size > HUGE_PAGE_THRESHOLD {
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
    fn memory_grows_in_place_up_to_the_size_of_its_slot() -> Result<(), String> {
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
    fn guard_regions_and_too_large_memories_are_refused() {
        assert!(memory(64 << 10, 4096).is_err());
        assert!(memory(2 << 20, 0).is_err());
    }
}
