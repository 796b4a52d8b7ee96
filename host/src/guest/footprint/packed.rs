//! A packed memory: only what differs from the memory of a new instance.

#![expect(unsafe_code, reason = "the pages belong to a memory that wasmtime uses")]

use std::io::Result;

use super::initial::InitialMemory;
use super::private_pages::private_pages;
use super::{PAGE, Page, PageNumber, ZEROS};
use crate::guest::memories::Region;

/// The size of the blocks in which pages are compared. A page has as many as a `u64` has bits.
const BLOCK: usize = PAGE / u64::BITS as usize;

/// The content of a memory whose pages were given back to the kernel.
#[derive(Debug)]
pub(super) struct Packed {
    pages: Box<[PackedPage]>,
    /// The blocks that differ, of all pages one after the other.
    blocks: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
struct PackedPage {
    number: PageNumber,
    /// Which blocks differ from the page's initial content.
    differs: u64,
}

impl Packed {
    /// Keeps what differs in `region` from the memory of a new instance, and gives the region's pages back to the
    /// kernel. Returns `None`, and changes nothing, if this would save less than half of their memory.
    ///
    /// # Errors
    ///
    /// The error of the operating system, or of [`private_pages`] if there are more than `most` pages. The content of
    /// the region is unchanged then.
    ///
    /// # Safety
    ///
    /// Until [`restore`](Self::restore), nothing may use the region.
    pub(super) unsafe fn pack(
        region: &Region,
        initial: &InitialMemory,
        most: usize,
    ) -> Result<Option<Self>> {
        if region.has_huge_pages() {
            return Ok(None);
        }
        let numbers = private_pages(region.start().addr(), region.size(), most)?;
        // The start-up code of this instance has written these pages too. If the kernel does not report them, it does
        // not report everything.
        if initial.numbers().iter().any(|number| numbers.binary_search(number).is_err()) {
            return Ok(None);
        }
        let (mut pages, mut blocks) = (Vec::new(), Vec::new());
        let mut of_image = ZEROS;
        for number in &numbers {
            let number = *number;
            // SAFETY: the page lies in the region, and the caller vouches that nothing writes to it.
            let page: &Page = unsafe { &*region.page(number) };
            let (base, is_kept) = match initial.page(number) {
                Some(page) => (page, true),
                None => (region.content_if_given_back(number, &mut of_image)?, false),
            };
            let differs = differing_blocks(page, base);
            if differs != 0 || is_kept {
                pages.push(PackedPage { number, differs });
                blocks.extend(set_bits(differs).flat_map(|block| &page[range(block)]));
            }
        }
        if blocks.len() + size_of_val(&*pages) >= (numbers.len() * PAGE / 2).max(1) {
            return Ok(None);
        }
        let packed = Self { pages: pages.into(), blocks: blocks.into() };
        // SAFETY: nothing uses the region, and `packed` has its content.
        if let Err(error) = unsafe { region.give_back() } {
            // Some of the pages may be gone.
            // SAFETY: as above.
            unsafe { packed.restore(region, initial) };
            return Err(error);
        }
        Ok(Some(packed))
    }

    /// Returns how many pages are restored.
    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Gives the region the content that it had when it was packed.
    ///
    /// # Safety
    ///
    /// `region` and `initial` must be those of [`pack`](Self::pack), and nothing may have used the region since.
    pub(super) unsafe fn restore(&self, region: &Region, initial: &InitialMemory) {
        let mut blocks = self.blocks.chunks_exact(BLOCK);
        for PackedPage { number, differs } in &self.pages {
            // SAFETY: the page lies in the region, and nothing else uses it.
            let page: &mut Page = unsafe { &mut *region.page(*number) };
            if let Some(initial) = initial.page(*number) {
                page.copy_from_slice(initial);
            }
            for (block, content) in set_bits(*differs).zip(&mut blocks) {
                page[range(block)].copy_from_slice(content);
            }
        }
    }
}

/// Returns a bit for each block that is not the same in both pages.
fn differing_blocks(one: &Page, other: &Page) -> u64 {
    let pairs = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK));
    let bits = pairs.enumerate().map(|(block, (one, other))| u64::from(one != other) << block);
    bits.fold(0, |all, bit| all | bit)
}

/// Returns the numbers of the bits that are set, in ascending order.
fn set_bits(bits: u64) -> impl Iterator<Item = usize> {
    (0..u64::BITS as usize).filter(move |bit| bits >> bit & 1 == 1)
}

/// Returns where a block lies in its page.
fn range(block: usize) -> std::ops::Range<usize> {
    block * BLOCK..(block + 1) * BLOCK
}
