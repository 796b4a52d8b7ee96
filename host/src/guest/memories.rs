//! Linear memories of dense instances.
//!
//! A memory has a slot of the largest size that an instance's memory may have, so a growing memory never moves. A move
//! would copy the memory and thereby make all of it resident.

#![expect(unsafe_code, reason = "wasmtime trusts what these types report about a memory")]

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::arena::{Arena, Guard, Slot};
use super::footprint::{PAGE, Page, PageNumber};
use super::image::{self, Image, Mappings};

/// The size, in bytes, above which a growing memory uses huge pages for its new part. A guest can fill a long stretch
/// of new memory in one instruction, which nothing interrupts. The other tasks of the worker have to wait for it: 0.3
/// ms for 1 MiB of small pages, 0.04 ms for 1 MiB of huge pages. Most instances stay below this size, and take only the
/// memory that they touch.
const HUGE_PAGE_THRESHOLD: usize = 2 << 20;

/// Creates linear memories of up to a maximum size.
pub(super) struct Memories {
    arena: Arc<Arena>,
    mappings: Arc<Mappings>,
}

/// Wasmtime's handle to a memory.
struct Memory {
    region: Arc<Region>,
    /// The size above which new parts of the memory use huge pages.
    huge_above: usize,
}

/// A memory. Only calls of its instance use it.
#[derive(Debug)]
pub(super) struct Region {
    slot: Slot,
    /// The size in bytes. Only the instance's worker changes or reads it.
    size: AtomicUsize,
    /// The initial content, if the slot maps it.
    mapped: Option<Arc<Image>>,
}

thread_local! {
    /// The memories that this thread has created in [`during`].
    static CREATED: RefCell<Option<Vec<Arc<Region>>>> = const { RefCell::new(None) };
}

/// Runs `create`, and adds the memories that it creates to `regions`, in their order.
pub(super) fn during<R>(regions: &mut Vec<Arc<Region>>, create: impl FnOnce() -> R) -> R {
    CREATED.set(Some(std::mem::take(regions)));
    let created = create();
    *regions = CREATED.take().unwrap_or_default();
    created
}

impl Memories {
    /// Returns a creator of memories with at most `max_size` bytes.
    pub(super) fn new(max_size: usize, mappings: Arc<Mappings>) -> Self {
        Self { arena: Arena::new(max_size, Guard::None), mappings }
    }

    /// Creates a memory with `minimum` bytes. It is all zeros, or has the content of the image.
    pub(super) fn region(
        &self,
        minimum: usize,
        image: Option<Arc<Image>>,
    ) -> std::io::Result<Arc<Region>> {
        let slot = match &image {
            Some(image) => self.slot_with(image)?,
            None => self.arena.slot()?,
        };
        let mapped = image.filter(|_| slot.is_mapped());
        Ok(Arc::new(Region { slot, size: AtomicUsize::new(minimum), mapped }))
    }

    /// Returns a slot with the content of an image. The content is shared if the limit on mappings allows it.
    /// Otherwise, the content is copied. A single page is always copied.
    fn slot_with(&self, image: &Image) -> std::io::Result<Slot> {
        if image.range().len() > rustix::param::page_size()
            && let Some(permission) = self.mappings.take()
            && let Ok(slot) = self.arena.slot()?.map(image, permission)
        {
            return Ok(slot);
        }
        let mut slot = self.arena.slot()?;
        image.copy_to(slot.bytes())?;
        Ok(slot)
    }
}

impl Region {
    /// Returns a pointer to the first byte.
    pub(super) fn start(&self) -> *mut u8 {
        self.slot.start()
    }

    /// Returns the current size of the memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Returns whether the memory has grown so large that it may have huge pages.
    pub(super) fn has_huge_pages(&self) -> bool {
        self.slot.huge_pages_from() < self.size()
    }

    /// Returns a pointer to a page.
    ///
    /// # Panics
    ///
    /// Panics if the page does not lie in the memory.
    pub(super) fn page(&self, number: PageNumber) -> *mut Page {
        let offset = number as usize * PAGE;
        assert!(offset + PAGE <= self.size(), "no page {number}");
        self.start().wrapping_add(offset).cast()
    }

    /// Returns the content that a page has after it was given back to the kernel: that of the image, or zeros. `buffer`
    /// takes it.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(super) fn content_if_given_back<'a>(
        &self,
        number: PageNumber,
        buffer: &'a mut Page,
    ) -> std::io::Result<&'a Page> {
        match &self.mapped {
            Some(image) => image.read(number as usize * PAGE, buffer)?,
            None => buffer.fill(0),
        }
        Ok(buffer)
    }

    /// Gives all pages back to the kernel. Each then has the content of
    /// [`content_if_given_back`](Self::content_if_given_back).
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    ///
    /// # Safety
    ///
    /// Nothing may rely on the content of the memory, and no references into it may exist.
    pub(super) unsafe fn give_back(&self) -> std::io::Result<()> {
        // SAFETY: the caller vouches for it.
        unsafe { self.slot.clear() }
    }
}

// SAFETY: a new memory is all zeros, or begins with its initial data, which the host has taken out of the component.
// The slot of a memory has one owner at a time. Compiled code checks every access against the memory's size: the
// engine's configuration asks for no guard regions, and a request for one is refused below.
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
        let image = image::next(minimum)?;
        // A mapped image becomes resident only where it is used. So the initial size of a memory with an image does not
        // count towards the threshold.
        let without_growth = image.as_ref().map_or(0, |image| image.minimum());
        let huge_above = without_growth + HUGE_PAGE_THRESHOLD;
        let region = self.region(minimum, image).map_err(|error| error.to_string())?;
        CREATED.with_borrow_mut(|created| {
            if let Some(created) = created {
                created.push(Arc::clone(&region));
            }
        });
        Ok(Box::new(Memory { region, huge_above }))
    }
}

// SAFETY: the memory lies in the slot of a region that `self` keeps alive. The slot never moves, and only calls of the
// instance use it: in between, its pages may be given back to the kernel. Before the next call, they have the same
// content again.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.region.size()
    }

    fn byte_capacity(&self) -> usize {
        self.region.slot.size()
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        let Region { slot, size, .. } = &*self.region;
        if new_size > slot.size() {
            return Err(wasmtime::Error::msg("the memory would become larger than its slot"));
        }
        if new_size > self.huge_above {
            slot.use_huge_pages(self.region.size());
        }
        size.store(new_size, Ordering::Relaxed);
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.region.start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(minimum: usize, guard: usize) -> Result<Box<dyn LinearMemory>, String> {
        Memories::new(1 << 20, Mappings::new(1)).new_memory(
            MemoryType::new(1, None),
            minimum,
            None,
            None,
            guard,
        )
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

    /// Returns an image of 99 pages. Only the second page is empty.
    fn image() -> Image {
        let bytes = vec![7; 4096];
        let later = vec![9; 97 * 4096];
        Image::with_data(128 << 12, &[(0, &bytes), (2 << 12, &later)])
    }

    #[test]
    fn memories_with_one_image_do_not_see_each_others_writes() -> std::io::Result<()> {
        // Only one image may be mapped, so the second memory gets a copy.
        let memories = Memories::new(1 << 20, Mappings::new(1));
        let image = image();
        let mut expected = vec![0; 1 << 20];
        image.copy_to(&mut expected)?;
        let mut both = [memories.slot_with(&image)?, memories.slot_with(&image)?];
        assert_eq!(both.each_ref().map(Slot::is_mapped), [true, false]);
        for slot in &mut both {
            assert!(slot.bytes() == expected, "not the content of the image");
            slot.bytes()[0] = 1;
            slot.bytes()[3 << 12] = 2;
            slot.bytes()[(1 << 20) - 1] = 3;
        }
        drop(both);
        let mut next = memories.slot_with(&image)?;
        assert!(next.is_mapped(), "the permission did not come back");
        assert!(next.bytes() == expected, "the image was changed, or the slot had earlier content");
        Ok(())
    }

    #[test]
    fn image_of_one_page_costs_no_mapping() -> std::io::Result<()> {
        let memories = Memories::new(1 << 20, Mappings::new(1));
        let mut slot = memories.slot_with(&Image::with_data(64 << 10, &[(0, &[7; 12])]))?;
        assert!(!slot.is_mapped());
        assert_eq!(slot.bytes()[..16], [[7; 4], [7; 4], [7; 4], [0; 4]].concat());
        Ok(())
    }

    #[test]
    fn slot_that_mapped_an_image_is_all_zeros_for_its_next_owner() -> std::io::Result<()> {
        for most in [0, 1] {
            let memories = Memories::new(1 << 20, Mappings::new(most));
            let mut slot = memories.slot_with(&image())?;
            slot.bytes()[5 << 12] = 1;
            slot.bytes()[(1 << 20) - 1] = 3;
            let start = slot.start();
            drop(slot);
            let mut slot = memories.arena.slot()?;
            assert_eq!(slot.start(), start);
            assert!(slot.bytes().iter().all(|byte| *byte == 0), "earlier content");
        }
        Ok(())
    }

    #[test]
    fn slot_costs_no_mappings_after_its_image() -> std::io::Result<()> {
        let memories = Memories::new(1 << 20, Mappings::new(1));
        let slot = memories.slot_with(&image())?;
        let (start, end) = (slot.start().addr(), slot.start().addr() + slot.size());
        let mappings = || -> std::io::Result<usize> {
            let maps = std::fs::read_to_string("/proc/self/maps")?;
            let addresses = maps.lines().filter_map(|line| {
                line.split([' ', '-']).take(2).collect::<Vec<_>>().try_into().ok()
            });
            let ranges = addresses.map(|[from, to]: [&str; 2]| {
                let address = |text| usize::from_str_radix(text, 16).expect("an address");
                address(from)..address(to)
            });
            Ok(ranges.filter(|range| range.start < end && range.end > start).count())
        };
        assert_eq!(mappings()?, 2);
        drop(slot);
        assert_eq!(mappings()?, 1);
        Ok(())
    }

    #[test]
    fn image_larger_than_a_slot_is_an_error() {
        let memories = Memories::new(64 << 10, Mappings::new(1));
        assert!(memories.slot_with(&image()).is_err());
    }
}
