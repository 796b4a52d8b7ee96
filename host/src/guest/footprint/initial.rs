//! The content of the memories of a component's new instances.

use std::sync::Arc;

use super::private_pages::private_pages;
use super::{MOST_PAGES, Page, PageNumber, ZEROS};
use crate::guest::memories::Region;

/// The pages that a component's start-up code has written, in each memory of an instance. The pages of other instances
/// are compared with them.
///
/// The instance must not have handled any event, because one instance must not be able to find out, from the time that
/// it takes to wake, whether it has the same data as another one.
#[derive(Debug, Default)]
pub(in crate::guest) struct Initial {
    memories: Vec<InitialMemory>,
}

/// The pages of one memory.
#[derive(Debug, Default)]
pub(super) struct InitialMemory {
    /// In ascending order.
    numbers: Vec<PageNumber>,
    pages: Vec<Page>,
}

impl Initial {
    /// Copies the pages of an instance. Pages that cannot be copied are left out, and then need more memory in each
    /// idle instance.
    ///
    /// # Safety
    ///
    /// No call of the instance may be in progress.
    pub(super) unsafe fn copy(memories: &[Arc<Region>]) -> Self {
        let copy = |region: &Arc<Region>| {
            let range = (region.start().addr(), region.size());
            let mut memory = InitialMemory::default();
            for number in private_pages(range.0, range.1, MOST_PAGES).unwrap_or_default() {
                // SAFETY: the caller vouches that nothing writes to the memory, and the page lies in it.
                let page: Page = unsafe { *region.page(number) };
                // A page of zeros may only have been read, and then other instances need not have it.
                if page != ZEROS {
                    memory.numbers.push(number);
                    memory.pages.push(page);
                }
            }
            memory
        };
        Self { memories: memories.iter().map(copy).collect() }
    }

    /// Returns the pages of the memory that an instance creates as its `index`th one.
    pub(super) fn memory(&self, index: usize) -> Option<&InitialMemory> {
        self.memories.get(index)
    }
}

impl InitialMemory {
    /// Returns the numbers of the pages that the start-up code has written, in ascending order.
    pub(super) fn numbers(&self) -> &[PageNumber] {
        &self.numbers
    }

    /// Returns the initial content of a page, if the start-up code has written it.
    pub(super) fn page(&self, number: PageNumber) -> Option<&Page> {
        self.numbers.binary_search(&number).ok().map(|index| &self.pages[index])
    }
}
