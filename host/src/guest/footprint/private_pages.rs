//! The pages of a range that belong to this process alone.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use super::{PAGE, PageNumber};

/// The size of an entry of `/proc/PID/pagemap`, in bytes.
const ENTRY: usize = 8;

/// How many entries are read at once.
const ENTRIES: usize = 512;

/// The page is in memory.
const PRESENT: u64 = 1 << 63;

/// The page is in swap space.
const SWAPPED: u64 = 1 << 62;

/// The page belongs to a file. It is a page of the image to which the owner has not written.
const OF_FILE: u64 = 1 << 61;

/// Returns the numbers of the pages in which the range differs from what it was when it was mapped, and of a few pages
/// that were only read. They are counted from the beginning of the range, which is the beginning of a page.
///
/// `mincore` would not do: it does not report pages that are in swap space.
///
/// # Errors
///
/// The error of the operating system. [`ErrorKind::Unsupported`] if its pages do not have 4 KiB.
/// [`ErrorKind::OutOfMemory`] if there are more than `most` pages.
pub(super) fn private_pages(start: usize, length: usize, most: usize) -> Result<Vec<PageNumber>> {
    static PAGEMAP: LazyLock<Option<File>> = LazyLock::new(open);
    if rustix::param::page_size() != PAGE {
        return Err(ErrorKind::Unsupported.into());
    }
    let pagemap = PAGEMAP.as_ref().ok_or(ErrorKind::Unsupported)?;
    let (first, count) = (start / PAGE, length / PAGE);
    let mut found = Vec::new();
    let mut entries = [0; ENTRIES * ENTRY];
    for chunk in (0..count).step_by(ENTRIES) {
        let entries = &mut entries[..ENTRIES.min(count - chunk) * ENTRY];
        pagemap.read_exact_at(entries, ((first + chunk) * ENTRY) as u64)?;
        for (number, entry) in (chunk..).zip(entries.as_chunks().0) {
            let entry = u64::from_ne_bytes(*entry);
            if entry & (PRESENT | SWAPPED) != 0 && entry & OF_FILE == 0 {
                found.push(PageNumber::try_from(number).map_err(|_| ErrorKind::Unsupported)?);
            }
        }
        if found.len() > most {
            return Err(ErrorKind::OutOfMemory.into());
        }
    }
    Ok(found)
}

fn open() -> Option<File> {
    let opened = File::open("/proc/self/pagemap").inspect_err(|error| {
        tracing::warn!(
            "idle instances take more memory than they need, because /proc/self/pagemap cannot be read ({error}): \
             mount /proc, or give the process access to it, and restart the host"
        );
    });
    opened.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::arena::{Arena, Guard};

    #[test]
    fn only_written_pages_are_private() -> Result<()> {
        let mut slot = Arena::new(3 << 20, Guard::None).slot()?;
        let written = [0, 7, ENTRIES - 1, ENTRIES, 767];
        for number in written {
            slot.bytes()[number * PAGE + 5] = 1;
        }
        let pages = |length, most| private_pages(slot.start().addr(), length, most);
        assert_eq!(pages(3 << 20, 5)?, written.map(|number| number as PageNumber));
        assert_eq!(pages(8 * PAGE, 5)?, [0, 7]);
        assert_eq!(pages(3 << 20, 4).map_err(|error| error.kind()), Err(ErrorKind::OutOfMemory));
        Ok(())
    }
}
