//! Stacks for calls into dense instances, cut out of large common mappings.
//!
//! Every store keeps the stack of its last call, and a stack that is mapped by itself costs two of the
//! 65,530 mappings that a process may have by default. Here many stacks lie side by side in one
//! mapping, each above a guard page that is put in with `MADV_GUARD_INSTALL`, which needs no mapping of
//! its own (Linux 6.13). On older kernels the guard is made with `mprotect`: then each stack costs two
//! mappings, as it would without this.

#![expect(unsafe_code, reason = "memory for stacks is mapped by hand, and wasmtime runs on it")]

use std::io::{Error, Result};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use wasmtime::{StackCreator, StackMemory};

/// How many stacks one mapping holds.
const STACKS_PER_MAPPING: usize = 256;

/// `MADV_GUARD_INSTALL` of Linux's `mman-common.h`.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// Makes stacks, and takes back those that are dropped.
pub(super) struct Stacks {
    pool: Arc<Pool>,
}

struct Pool {
    /// Octets of a stack, and of the guard page below it.
    size: usize,
    page: usize,
    /// Where the stacks begin that nobody has, with their guard pages. Their memory reads as zeros.
    free: Mutex<Vec<usize>>,
    has_told: AtomicBool,
}

/// A stack, from its guard page to its top.
struct Stack {
    pool: Arc<Pool>,
    guard: usize,
}

impl Stacks {
    /// Stacks of so many octets, which must be whole pages.
    ///
    /// # Errors
    ///
    /// A size that is none here.
    pub(super) fn new(size: usize) -> Result<Self> {
        let page = rustix::param::page_size();
        if size == 0 || !size.is_multiple_of(page) {
            return Err(Error::other(format!("pages of {page} octets do not fit the stacks")));
        }
        let (free, has_told) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self { pool: Arc::new(Pool { size, page, free, has_told }) })
    }

    fn stack(&self) -> Result<Stack> {
        let mut free = self.pool.free.lock();
        if free.is_empty() {
            self.pool.map_more(&mut free)?;
        }
        let guard = free.pop().ok_or_else(|| Error::other("a mapping without stacks"))?;
        Ok(Stack { pool: Arc::clone(&self.pool), guard })
    }
}

// SAFETY: a stack begins and ends at pages, is zeroed when it is handed out, and has a guard page
// below it (`Pool::map_more`). It is handed out to one owner at a time: `free` holds each once.
unsafe impl StackCreator for Stacks {
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        if size != self.pool.size {
            return Err(wasmtime::Error::msg("a stack of another size than was configured"));
        }
        Ok(Box::new(self.stack()?))
    }
}

impl Pool {
    fn slot(&self) -> usize {
        self.page + self.size
    }

    fn map_more(&self, free: &mut Vec<usize>) -> Result<()> {
        let length = self.slot() * STACKS_PER_MAPPING;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing else.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let base = base.expose_provenance();
        let guards = (0..STACKS_PER_MAPPING).map(|number| base + number * self.slot());
        for guard in guards.clone() {
            if let Err(error) = self.make_guard(guard) {
                // SAFETY: the whole mapping that was just made, of which nothing was handed out.
                unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(base), length) };
                return Err(error);
            }
        }
        // The lowest one is taken first.
        free.extend(guards.rev());
        Ok(())
    }

    fn make_guard(&self, guard: usize) -> Result<()> {
        let address = std::ptr::with_exposed_provenance_mut(guard);
        // SAFETY: a page of a mapping of ours that nobody uses yet.
        if unsafe { libc::madvise(address, self.page, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        if !self.has_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "this kernel has no guard pages within a mapping (Linux 6.13 has): every instance \
                 costs two mappings, and vm.max_map_count bounds how many there can be"
            );
        }
        // SAFETY: as above.
        match unsafe { libc::mprotect(address, self.page, libc::PROT_NONE) } {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }
}

impl Stack {
    fn bottom(&self) -> usize {
        self.guard + self.pool.page
    }
}

// SAFETY: the ranges are those of a mapping that is never unmapped, and nobody else has them.
unsafe impl StackMemory for Stack {
    fn top(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.bottom() + self.pool.size)
    }

    fn range(&self) -> Range<usize> {
        self.bottom()..self.bottom() + self.pool.size
    }

    fn guard_range(&self) -> Range<*mut u8> {
        std::ptr::with_exposed_provenance_mut(self.guard)
            ..std::ptr::with_exposed_provenance_mut(self.bottom())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let address = std::ptr::with_exposed_provenance_mut(self.bottom());
        // Gives the memory back, and lets the next owner find zeros and nothing of this one's.
        // SAFETY: the stack is ours alone until it is pushed below, and no call runs on it any more.
        if unsafe { libc::madvise(address, self.pool.size, libc::MADV_DONTNEED) } == 0 {
            self.pool.free.lock().push(self.guard);
        }
        // A stack that cannot be cleared is not used again.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set in the process that runs into a guard page.
    const OVERFLOW: &str = "WS_HOST_TEST_OVERFLOW";

    #[test]
    fn stacks_do_not_overlap_and_begin_with_zeros() -> Result<()> {
        let stacks = Stacks::new(128 << 10)?;
        let taken =
            (0..STACKS_PER_MAPPING + 1).map(|_| stacks.stack()).collect::<Result<Vec<_>>>()?;
        let mut ranges: Vec<_> = taken.iter().map(StackMemory::range).collect();
        ranges.sort_by_key(|range| range.start);
        assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        for stack in &taken {
            assert_eq!(stack.range().len(), 128 << 10);
            assert_eq!(stack.guard_range().end.addr(), stack.range().start);
            // SAFETY: the last octet of a stack that is ours.
            let last = unsafe { &mut *stack.top().sub(1) };
            assert_eq!(std::mem::replace(last, 1), 0);
        }
        let again = taken[0].range();
        drop(taken);
        let taken =
            (0..STACKS_PER_MAPPING + 1).map(|_| stacks.stack()).collect::<Result<Vec<_>>>()?;
        assert!(taken.iter().any(|stack| stack.range() == again), "nothing is used again");
        for stack in &taken {
            // SAFETY: as above.
            assert_eq!(unsafe { *stack.top().sub(1) }, 0);
        }
        Ok(())
    }

    #[test]
    fn stack_of_another_size_is_refused() -> Result<()> {
        assert!(Stacks::new(128 << 10)?.new_stack(64 << 10, false).is_err());
        assert!(Stacks::new(0).is_err());
        assert!(Stacks::new(1000).is_err());
        Ok(())
    }

    #[test]
    fn host_that_overflows_a_stack_dies_before_it_touches_another() -> Result<()> {
        use std::os::unix::process::ExitStatusExt;
        if std::env::var_os(OVERFLOW).is_some() {
            let stack = Stacks::new(128 << 10)?.stack()?;
            let below = stack.guard_range().end.wrapping_sub(1);
            // SAFETY: it is not: this process must end here.
            unsafe { below.write_volatile(1) };
            std::process::exit(0);
        }
        let name =
            "guest::stacks::tests::host_that_overflows_a_stack_dies_before_it_touches_another";
        let ended = std::process::Command::new(std::env::current_exe()?)
            .args(["--exact", name])
            .env(OVERFLOW, "1")
            .output()?;
        assert_eq!(ended.status.signal(), Some(libc::SIGSEGV), "{ended:?}");
        Ok(())
    }
}
