//! Memory for many things of one size, side by side in large common mappings.
//!
//! What is mapped by itself costs one to three of the 65,530 mappings that a process may have by default,
//! and the system's time each time it comes and goes. Here slots are cut out of mappings of 64, and
//! given back to the next owner. A slot takes memory only where it was touched.

#![expect(unsafe_code, reason = "memory is mapped by hand, and wasmtime runs on it")]

use std::ffi::c_void;
use std::io::{Error, Result};
use std::ptr::with_exposed_provenance_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// How many slots one mapping holds.
pub(super) const SLOTS: usize = 64;

/// How many pages lie unused between two slots that have no guard between them. The processor's caches
/// find a page by the lower bits of its address: instances of one component touch the same few pages of
/// their slots, and would push each other out if slots lay a power of two apart.
const STAGGER: usize = 5;

/// A huge page of the common processors, in octets. Where it is another length the advice is not taken.
const HUGE_PAGE: usize = 2 << 20;

/// How many slots of an arena may have huge pages: each costs two of the 65,530 mappings of a process. The others
/// go on with small ones.
const MAX_WITH_HUGE_PAGES: usize = 10_000;

/// `MADV_GUARD_INSTALL` of Linux's `mman-common.h`: a guard page that needs no mapping of its own (Linux
/// 6.13).
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// What lies below each slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// Nothing: the owner never goes there.
    Nothing,
    /// A page that nobody can touch without the process ending.
    Guard,
}

/// Slots of one size. Mappings are kept, their memory is not.
#[derive(Debug)]
pub(super) struct Arena {
    size: usize,
    /// The guard page below each slot, or what lies unused there.
    below: usize,
    has_guards: bool,
    /// Where the slots begin that nobody has. Their memory reads as zeros.
    free: Mutex<Vec<usize>>,
    has_told: AtomicBool,
    /// Slots that have huge pages.
    with_huge_pages: AtomicUsize,
}

/// A slot, which its owner has alone. It begins with zeros.
#[derive(Debug)]
pub(super) struct Slot {
    arena: Arc<Arena>,
    start: usize,
    has_huge_pages: bool,
}

impl Arena {
    /// Slots of so many octets, which are rounded up to whole pages.
    pub(super) fn new(size: usize, below: Below) -> Arc<Self> {
        let page = rustix::param::page_size();
        let has_guards = below == Below::Guard;
        Arc::new(Self {
            size: size.max(1).next_multiple_of(page),
            below: if has_guards { page } else { STAGGER * page },
            has_guards,
            free: Mutex::default(),
            has_told: AtomicBool::new(false),
            with_huge_pages: AtomicUsize::new(0),
        })
    }

    /// Octets of a slot.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// # Errors
    ///
    /// What the system says when it has no more memory to map.
    pub(super) fn slot(self: &Arc<Self>) -> Result<Slot> {
        let mut free = self.free.lock();
        if free.is_empty() {
            self.map_more(&mut free)?;
        }
        let start = free.pop().ok_or_else(|| Error::other("a mapping without slots"))?;
        Ok(Slot { arena: Arc::clone(self), start, has_huge_pages: false })
    }

    fn map_more(&self, free: &mut Vec<usize>) -> Result<()> {
        let pitch = self.below + self.size;
        let length = pitch.checked_mul(SLOTS).ok_or_else(|| Error::other("too large to map"))?;
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
        // With huge pages a slot of which one octet is touched would take 2 MiB. A kernel that does not
        // know them has nothing to be told.
        // SAFETY: advice on the mapping that was just made.
        let _ = unsafe { libc::madvise(base, length, libc::MADV_NOHUGEPAGE) };
        let base = base.expose_provenance();
        let pitches = (0..SLOTS).map(|number| base + number * pitch);
        for guard in pitches.clone().filter(|_| self.has_guards) {
            if let Err(error) = self.make_guard(with_exposed_provenance_mut(guard)) {
                // SAFETY: the whole mapping that was just made, of which nothing was handed out.
                unsafe { libc::munmap(with_exposed_provenance_mut(base), length) };
                return Err(error);
            }
        }
        // The lowest one is taken first.
        free.extend(pitches.rev().map(|pitch| pitch + self.below));
        Ok(())
    }

    fn make_guard(&self, page: *mut c_void) -> Result<()> {
        // SAFETY: a page of a mapping of ours that nobody uses yet.
        if unsafe { libc::madvise(page, self.below, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        if !self.has_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "this kernel has no guard pages within a mapping (Linux 6.13 has): every instance \
                 costs two mappings, and vm.max_map_count bounds how many there can be"
            );
        }
        // SAFETY: as above.
        match unsafe { libc::mprotect(page, self.below, libc::PROT_NONE) } {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }
}

impl Slot {
    /// Its first octet.
    pub(super) fn start(&self) -> *mut u8 {
        with_exposed_provenance_mut(self.start)
    }

    /// Its size in octets.
    pub(super) fn size(&self) -> usize {
        self.arena.size
    }

    /// The first octet of what lies below it.
    pub(super) fn below(&self) -> *mut u8 {
        with_exposed_provenance_mut(self.start - self.arena.below)
    }

    /// Lets what is touched from here on come in huge pages: one takes the system no longer than twenty
    /// small ones, of which it has 512. Until the slot is dropped it costs two mappings.
    pub(super) fn use_huge_pages(&mut self, from: usize) {
        let first = (self.start + from).next_multiple_of(HUGE_PAGE);
        let end = self.start + self.size();
        let length = end.saturating_sub(first) / HUGE_PAGE * HUGE_PAGE;
        if length == 0 || self.has_huge_pages {
            return;
        }
        let number = &self.arena.with_huge_pages;
        if number.fetch_add(1, Ordering::Relaxed) >= MAX_WITH_HUGE_PAGES {
            number.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        self.has_huge_pages = true;
        // A kernel that does not have them goes on with small ones.
        // SAFETY: advice on a range of our own slot, whose content does not change.
        let _ = unsafe {
            libc::madvise(with_exposed_provenance_mut(first), length, libc::MADV_HUGEPAGE)
        };
    }

    /// Lets the next owner's memory come in small pages again.
    fn use_small_pages(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.has_huge_pages) {
            return Ok(());
        }
        self.arena.with_huge_pages.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: as above. A kernel without huge pages has refused both.
        match unsafe { libc::madvise(self.start().cast(), self.size(), libc::MADV_NOHUGEPAGE) } {
            0 => Ok(()),
            _ if Error::last_os_error().raw_os_error() == Some(libc::EINVAL) => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }

    /// Gives the memory back, so that the slot reads as zeros again.
    ///
    /// # Safety
    ///
    /// Nobody may count on what is in it, nor refer to it.
    pub(super) unsafe fn clear(&self) -> Result<()> {
        // SAFETY: a range of a mapping of ours, of which this is the only owner.
        match unsafe { libc::madvise(self.start().cast(), self.size(), libc::MADV_DONTNEED) } {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // The next owner must find zeros, and nothing of this one's. One that cannot be cleared is not
        // used again.
        // SAFETY: whoever drops a slot refers to it no more.
        if unsafe { self.clear() }.is_ok() && self.use_small_pages().is_ok() {
            self.arena.free.lock().push(self.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set in the process that runs into a guard page.
    const OVERFLOW: &str = "WS_HOST_TEST_OVERFLOW";

    #[test]
    fn slots_do_not_overlap_and_begin_with_zeros() -> Result<()> {
        for below in [Below::Nothing, Below::Guard] {
            let arena = Arena::new(100_000, below);
            let take = || (0..SLOTS + 1).map(|_| arena.slot()).collect::<Result<Vec<_>>>();
            let taken = take()?;
            let mut starts: Vec<_> = taken.iter().map(|slot| slot.below().addr()).collect();
            starts.sort_unstable();
            let pitch = arena.size + arena.below;
            assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= pitch));
            for slot in &taken {
                assert_eq!(slot.size(), 102_400);
                for byte in [0, slot.size() - 1] {
                    // SAFETY: the first and the last octet of a slot that is ours.
                    let byte = unsafe { &mut *slot.start().add(byte) };
                    assert_eq!(std::mem::replace(byte, 1), 0);
                }
            }
            let again = taken[0].start;
            drop(taken);
            let taken = take()?;
            assert!(taken.iter().any(|slot| slot.start == again), "nothing is used again");
            for slot in &taken {
                // SAFETY: as above.
                assert_eq!(unsafe { *slot.start() }, 0);
            }
        }
        Ok(())
    }

    #[test]
    fn slot_with_huge_pages_goes_to_its_next_owner_empty_and_without() -> Result<()> {
        let arena = Arena::new(3 * HUGE_PAGE, Below::Nothing);
        let mut slot = arena.slot()?;
        let start = slot.start;
        slot.use_huge_pages(100);
        slot.use_huge_pages(100);
        for byte in [0, slot.size() / 2, slot.size() - 1] {
            // SAFETY: an octet of a slot that is ours.
            unsafe { slot.start().add(byte).write_volatile(1) };
        }
        drop(slot);
        let slot = arena.slot()?;
        assert_eq!((slot.start, slot.has_huge_pages), (start, false));
        for byte in [0, slot.size() / 2, slot.size() - 1] {
            // SAFETY: as above.
            assert_eq!(unsafe { slot.start().add(byte).read_volatile() }, 0);
        }
        // One that is shorter than a huge page stays as it is.
        let mut short = Arena::new(HUGE_PAGE / 2, Below::Nothing).slot()?;
        short.use_huge_pages(0);
        Ok(())
    }

    #[test]
    fn host_that_runs_below_a_slot_dies_before_it_touches_another() -> Result<()> {
        use std::os::unix::process::ExitStatusExt;
        if std::env::var_os(OVERFLOW).is_some() {
            let slot = Arena::new(100_000, Below::Guard).slot()?;
            // SAFETY: it is not: this process must end here.
            unsafe { slot.start().sub(1).write_volatile(1) };
            std::process::exit(0);
        }
        let name =
            "guest::arena::tests::host_that_runs_below_a_slot_dies_before_it_touches_another";
        let ended = std::process::Command::new(std::env::current_exe()?)
            .args(["--exact", name])
            .env(OVERFLOW, "1")
            .output()?;
        assert_eq!(ended.status.signal(), Some(libc::SIGSEGV), "{ended:?}");
        Ok(())
    }
}
