//! Slots of memory that all have the same size and lie side by side in large shared mappings.
//!
//! A separate mapping for each slot would cost system time whenever it is made or removed. It would also cost one to
//! three of the 65,530 mappings that a process may have by default. Here one mapping holds 64 slots, and a dropped slot
//! is reused for the next owner. A slot takes memory only for the pages that were touched.

#![expect(unsafe_code, reason = "this module maps the memory that wasmtime uses")]

use std::ffi::c_void;
use std::io::{Error, Result};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr::with_exposed_provenance_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::image::{Image, Mapping};

/// How many slots one mapping holds.
pub(super) const SLOTS: usize = 64;

/// How many unused pages separate two slots that have no guard page between them. The processor's caches place a page
/// by the lower bits of its address, and instances of one component touch the same few pages of their slots. If slots
/// were a power of two apart, these pages would evict each other from the caches.
const STAGGER: usize = 5;

/// The size of a huge page on common processors, in bytes. On other processors, the kernel ignores the advice to use
/// huge pages.
const HUGE_PAGE: usize = 2 << 20;

/// How many slots of an arena may have huge pages. Each of them costs two of the 65,530 mappings of a process. The
/// other slots keep small pages.
const MAX_HUGE_PAGE_SLOTS: usize = 10_000;

/// `MADV_GUARD_INSTALL` from Linux's `mman-common.h`. It makes a guard page that needs no mapping of its own (since
/// Linux 6.13).
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// Whether a guard page protects the memory below each slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// No guard page: the owner never accesses memory below its slot.
    None,
    /// A guard page. Any access to it ends the process.
    Page,
}

/// Slots of one size. The arena keeps its mappings, but gives the memory of unused slots back to the kernel.
#[derive(Debug)]
pub(super) struct Arena {
    size: usize,
    /// The size of the gap below each slot, in bytes: the guard page, or unused pages.
    gap: usize,
    has_guards: bool,
    /// The addresses of the slots without an owner. Their memory reads as zeros.
    free: Mutex<Vec<usize>>,
    has_warned: AtomicBool,
    /// How many slots have huge pages.
    huge_page_slots: AtomicUsize,
}

/// A slot. This value has exclusive access to the slot's memory. The memory is all zeros at first.
#[derive(Debug)]
pub(super) struct Slot {
    arena: Arc<Arena>,
    start: usize,
    /// The offset from which on the slot has huge pages. `usize::MAX` if it has none.
    huge_pages_from: AtomicUsize,
    /// The part of the slot that maps an image.
    mapped: Option<(Range<usize>, Mapping)>,
}

impl Arena {
    /// Creates an arena of slots of `size` bytes, rounded up to whole pages.
    pub(super) fn new(size: usize, guard: Guard) -> Arc<Self> {
        let page = rustix::param::page_size();
        let has_guards = guard == Guard::Page;
        Arc::new(Self {
            size: size.max(1).next_multiple_of(page),
            gap: if has_guards { page } else { STAGGER * page },
            has_guards,
            free: Mutex::default(),
            has_warned: AtomicBool::new(false),
            huge_page_slots: AtomicUsize::new(0),
        })
    }

    /// Returns the size of a slot in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns an unused slot, and maps more memory if there is none.
    ///
    /// # Errors
    ///
    /// The error of the operating system if it cannot map more memory.
    pub(super) fn slot(self: &Arc<Self>) -> Result<Slot> {
        let mut free = self.free.lock();
        if free.is_empty() {
            self.map_more(&mut free)?;
        }
        let start = free.pop().ok_or_else(|| Error::other("the new mapping has no slots"))?;
        Ok(Slot {
            arena: Arc::clone(self),
            start,
            huge_pages_from: AtomicUsize::new(usize::MAX),
            mapped: None,
        })
    }

    fn map_more(&self, free: &mut Vec<usize>) -> Result<()> {
        let stride = self.gap + self.size;
        let length = stride.checked_mul(SLOTS).ok_or_else(|| Error::other("too large to map"))?;
        // SAFETY: the kernel chooses the address of the new mapping, so it overlaps no other mapping.
        let base = unsafe { map_zeros(0, length, 0)? };
        let gaps = (0..SLOTS).map(|number| base + number * stride);
        for guard in gaps.clone().filter(|_| self.has_guards) {
            if let Err(error) = self.make_guard(with_exposed_provenance_mut(guard)) {
                // SAFETY: the range is the whole mapping made above, and no slot of it has an owner yet.
                unsafe { libc::munmap(with_exposed_provenance_mut(base), length) };
                return Err(error);
            }
        }
        // `slot` takes slots from the end of the list, so the lowest slot must be last.
        free.extend(gaps.rev().map(|gap| gap + self.gap));
        Ok(())
    }

    fn make_guard(&self, page: *mut c_void) -> Result<()> {
        // SAFETY: the page belongs to a mapping of this arena, lies in no slot, and nothing uses it yet.
        if unsafe { libc::madvise(page, self.gap, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "this kernel does not support guard pages inside a mapping (Linux 6.13 and later do): every instance \
                 needs two mappings, so vm.max_map_count limits the number of instances"
            );
        }
        // SAFETY: as above.
        match unsafe { libc::mprotect(page, self.gap, libc::PROT_NONE) } {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }
}

impl Slot {
    /// Returns a pointer to the first byte.
    pub(super) fn start(&self) -> *mut u8 {
        with_exposed_provenance_mut(self.start)
    }

    /// Returns the size in bytes.
    pub(super) fn size(&self) -> usize {
        self.arena.size
    }

    /// Returns the content. The slot's owner must not use pointers into the slot at the same time.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the memory is mapped, readable, writable and initialized, and this `Slot` has exclusive access to it.
        unsafe { std::slice::from_raw_parts_mut(self.start(), self.size()) }
    }

    /// Returns a pointer to the first byte of the gap below the slot. The gap is the guard page, if there is one.
    pub(super) fn gap(&self) -> *mut u8 {
        with_exposed_provenance_mut(self.start - self.arena.gap)
    }

    /// Asks for huge pages for the part of the slot that begins at the offset `from`. The kernel takes as long for one
    /// huge page as for twenty small pages, and a huge page replaces 512 small pages. The slot costs two mappings until
    /// it is dropped.
    pub(super) fn use_huge_pages(&self, from: usize) {
        let first = (self.start + from).next_multiple_of(HUGE_PAGE);
        let end = self.start + self.size();
        let length = end.saturating_sub(first) / HUGE_PAGE * HUGE_PAGE;
        if length == 0 || self.huge_pages_from() != usize::MAX {
            return;
        }
        let count = &self.arena.huge_page_slots;
        if count.fetch_add(1, Ordering::Relaxed) >= MAX_HUGE_PAGE_SLOTS {
            count.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        self.huge_pages_from.store(first - self.start, Ordering::Relaxed);
        // The result does not matter: a kernel without huge pages keeps using small ones.
        // SAFETY: the range lies in this slot, and the advice changes no content.
        let _ = unsafe {
            libc::madvise(with_exposed_provenance_mut(first), length, libc::MADV_HUGEPAGE)
        };
    }

    /// Gives a new slot the content of an image. Writes by the owner do not change the image. The slot costs two
    /// mappings until it is dropped.
    ///
    /// # Errors
    ///
    /// An error if the image does not fit, or the error of the operating system. The slot is lost in both cases.
    pub(super) fn map(mut self, image: &Image, permission: Mapping) -> Result<Self> {
        let range = image.range();
        if range.end > self.size() || range.is_empty() {
            return Err(Error::from(std::io::ErrorKind::InvalidInput));
        }
        // SAFETY: the range lies in this slot, which is new, so nothing relies on its content. The file has all bytes
        // of the range, and is sealed: it cannot become shorter, and its content cannot change.
        let mapped = unsafe {
            libc::mmap(
                with_exposed_provenance_mut(self.start + range.start),
                range.len(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE,
                image.file().as_raw_fd(),
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            let error = Error::last_os_error();
            // The kernel may have removed the earlier mapping at these addresses, so the addresses are never used
            // again.
            std::mem::forget(self);
            return Err(error);
        }
        self.mapped = Some((range, permission));
        Ok(self)
    }

    /// Returns the offset from which on the slot has huge pages. `usize::MAX` if it has none.
    pub(super) fn huge_pages_from(&self) -> usize {
        self.huge_pages_from.load(Ordering::Relaxed)
    }

    /// Returns whether the slot maps an image.
    pub(super) fn is_mapped(&self) -> bool {
        self.mapped.is_some()
    }

    /// Restores zeros where an image is mapped, for the slot's next owner.
    fn unmap(&mut self) -> Result<()> {
        let Some((range, permission)) = self.mapped.take() else { return Ok(()) };
        // SAFETY: the range lies in this slot. The owner is dropping the slot, so nothing relies on its content.
        let mapped = unsafe { map_zeros(self.start + range.start, range.len(), libc::MAP_FIXED) };
        if let Err(error) = mapped {
            // The slot is not used again. It keeps its mappings, so the permit for them must not be released.
            std::mem::forget(permission);
            return Err(error);
        }
        Ok(())
    }

    /// Restores small pages, for the slot's next owner.
    fn use_small_pages(&mut self) -> Result<()> {
        if std::mem::replace(self.huge_pages_from.get_mut(), usize::MAX) == usize::MAX {
            return Ok(());
        }
        self.arena.huge_page_slots.fetch_sub(1, Ordering::Relaxed);
        // A kernel without huge pages refuses this advice with EINVAL. It has also refused the advice to use huge
        // pages.
        // SAFETY: the range is this slot, and the advice changes no content.
        match unsafe { libc::madvise(self.start().cast(), self.size(), libc::MADV_NOHUGEPAGE) } {
            0 => Ok(()),
            _ if Error::last_os_error().raw_os_error() == Some(libc::EINVAL) => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }

    /// Gives the memory back to the kernel. The slot then reads as zeros again, or as its image where it maps one.
    ///
    /// # Safety
    ///
    /// Nothing may rely on the content of the slot, and no references into it may exist.
    pub(super) unsafe fn clear(&self) -> Result<()> {
        // SAFETY: the range lies in a mapping of the arena, and this `Slot` has exclusive access to it. The caller
        // vouches that the slot's content is not needed.
        match unsafe { libc::madvise(self.start().cast(), self.size(), libc::MADV_DONTNEED) } {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // The next owner must find only zeros, and no data of this owner. A slot that cannot be cleared is not used
        // again.
        // SAFETY: the owner drops the slot, so the owner has no more references into it and does not need the content.
        if self.unmap().is_ok() && unsafe { self.clear() }.is_ok() && self.use_small_pages().is_ok()
        {
            self.arena.free.lock().push(self.start);
        }
    }
}

/// Maps memory that reads as zeros, in small pages, and returns its address.
///
/// # Safety
///
/// With the flag `MAP_FIXED`, nothing may rely on the content of the range that begins at `address`, and there may be
/// no references into it.
unsafe fn map_zeros(address: usize, length: usize, flags: libc::c_int) -> Result<usize> {
    // SAFETY: the caller vouches for the range, or the kernel chooses one where nothing is mapped.
    let base = unsafe {
        libc::mmap(
            with_exposed_provenance_mut(address),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | flags,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    // With huge pages, a slot would take 2 MiB as soon as one byte of it is touched, so the kernel is advised to use
    // small pages. The advice may fail: a kernel without huge pages refuses it, and does not need it.
    // SAFETY: the range is the mapping made above, and the advice changes no content.
    let _ = unsafe { libc::madvise(base, length, libc::MADV_NOHUGEPAGE) };
    Ok(base.expose_provenance())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set in the environment of the process that is to touch a guard page.
    const OVERFLOW: &str = "WS_HOST_TEST_OVERFLOW";

    #[test]
    fn slots_do_not_overlap_and_begin_with_zeros() -> Result<()> {
        for guard in [Guard::None, Guard::Page] {
            let arena = Arena::new(100_000, guard);
            let take = || (0..SLOTS + 1).map(|_| arena.slot()).collect::<Result<Vec<_>>>();
            let taken = take()?;
            let mut gaps: Vec<_> = taken.iter().map(|slot| slot.gap().addr()).collect();
            gaps.sort_unstable();
            let stride = arena.size + arena.gap;
            assert!(gaps.windows(2).all(|pair| pair[1] - pair[0] >= stride));
            for slot in &taken {
                assert_eq!(slot.size(), 102_400);
                for byte in [0, slot.size() - 1] {
                    // SAFETY: the byte is the first or the last of a slot that this test owns.
                    let byte = unsafe { &mut *slot.start().add(byte) };
                    assert_eq!(std::mem::replace(byte, 1), 0);
                }
            }
            let again = taken[0].start;
            drop(taken);
            let taken = take()?;
            assert!(taken.iter().any(|slot| slot.start == again), "no slot is used again");
            for slot in &taken {
                // SAFETY: as above.
                assert_eq!(unsafe { *slot.start() }, 0);
            }
        }
        Ok(())
    }

    #[test]
    fn slot_with_huge_pages_goes_to_its_next_owner_empty_and_with_small_pages() -> Result<()> {
        let arena = Arena::new(3 * HUGE_PAGE, Guard::None);
        let slot = arena.slot()?;
        let start = slot.start;
        slot.use_huge_pages(100);
        slot.use_huge_pages(100);
        for byte in [0, slot.size() / 2, slot.size() - 1] {
            // SAFETY: the byte lies in a slot that this test owns.
            unsafe { slot.start().add(byte).write_volatile(1) };
        }
        drop(slot);
        let slot = arena.slot()?;
        assert_eq!((slot.start, slot.huge_pages_from()), (start, usize::MAX));
        for byte in [0, slot.size() / 2, slot.size() - 1] {
            // SAFETY: as above.
            assert_eq!(unsafe { slot.start().add(byte).read_volatile() }, 0);
        }
        // A slot that is shorter than a huge page must keep small pages.
        let short = Arena::new(HUGE_PAGE / 2, Guard::None).slot()?;
        short.use_huge_pages(0);
        Ok(())
    }

    #[test]
    fn access_below_a_slot_ends_the_process_before_it_reaches_another_slot() -> Result<()> {
        use std::os::unix::process::ExitStatusExt;
        if std::env::var_os(OVERFLOW).is_some() {
            let slot = Arena::new(100_000, Guard::Page).slot()?;
            // SAFETY: none. The write hits the guard page, and this process must end here.
            unsafe { slot.start().sub(1).write_volatile(1) };
            std::process::exit(0);
        }
        let name = "guest::arena::tests::access_below_a_slot_ends_the_process_before_it_reaches_another_slot";
        let ended = std::process::Command::new(std::env::current_exe()?)
            .args(["--exact", name])
            .env(OVERFLOW, "1")
            .output()?;
        assert_eq!(ended.status.signal(), Some(libc::SIGSEGV), "{ended:?}");
        Ok(())
    }
}
