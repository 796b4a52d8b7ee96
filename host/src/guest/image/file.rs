//! The file that holds an image.

use std::fs::File;
use std::io::Result;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::Contents;

/// The initial content of a memory. It is kept in a file. The file exists only in RAM, and nobody can change it.
#[derive(Debug)]
pub(in crate::guest) struct Image {
    file: File,
    /// The initial size of the memory, in bytes.
    minimum: usize,
    /// The offsets in the memory at which the file begins and ends. The range consists of whole pages.
    range: Range<usize>,
    /// The parts of the range that contain data. They are whole pages, in ascending order.
    data: Vec<Range<usize>>,
}

impl Image {
    /// Writes the data of a memory into a new file.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(super) fn new(minimum: usize, contents: &Contents<'_>) -> Result<Self> {
        let data = pages(contents);
        let range = match (data.first(), data.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        };
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(memfd_create("ws-host-image", flags)?);
        file.set_len(to_file_offset(range.len()))?;
        for (offset, bytes) in &contents.segments {
            file.write_all_at(bytes, to_file_offset(offset - range.start))?;
        }
        let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fcntl_add_seals(&file, seals)?;
        Ok(Self { file, minimum, range, data })
    }

    /// Returns an image of segments. Each segment is an offset and its bytes.
    #[cfg(test)]
    pub(in crate::guest) fn with_data(minimum: usize, segments: &[(usize, &[u8])]) -> Self {
        Self::new(minimum, &Contents { segments: segments.to_vec() }).expect("there is memory")
    }

    /// Returns the initial size of the memory, in bytes.
    pub(in crate::guest) fn minimum(&self) -> usize {
        self.minimum
    }

    /// Returns the file. It holds the memory's content in [`range`](Self::range), and nobody can change it.
    pub(in crate::guest) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the part of the memory that the file holds. It consists of whole pages.
    pub(in crate::guest) fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Writes the data to a memory that is all zeros.
    ///
    /// # Errors
    ///
    /// An error if the memory is too short, or the error of the operating system.
    pub(in crate::guest) fn copy_to(&self, memory: &mut [u8]) -> Result<()> {
        for part in &self.data {
            let to = memory.get_mut(part.clone()).ok_or(std::io::ErrorKind::InvalidInput)?;
            self.file.read_exact_at(to, to_file_offset(part.start - self.range.start))?;
        }
        Ok(())
    }

    /// Fills `buffer` with the memory's initial content from `offset` on. Both are whole pages.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(in crate::guest) fn read(&self, offset: usize, buffer: &mut [u8]) -> Result<()> {
        if self.range.contains(&offset) {
            self.file.read_exact_at(buffer, to_file_offset(offset - self.range.start))
        } else {
            buffer.fill(0);
            Ok(())
        }
    }
}

/// Returns the pages that contain data, in ascending order.
fn pages(contents: &Contents<'_>) -> Vec<Range<usize>> {
    let page = rustix::param::page_size();
    let mut pages: Vec<Range<usize>> = contents
        .segments
        .iter()
        .map(|(offset, bytes)| offset / page * page..(offset + bytes.len()).next_multiple_of(page))
        .collect();
    pages.sort_unstable_by_key(|pages| pages.start);
    pages.dedup_by(|next, previous| {
        let touches = next.start <= previous.end;
        if touches {
            previous.end = previous.end.max(next.end);
        }
        touches
    });
    pages
}

fn to_file_offset(offset: usize) -> u64 {
    u64::try_from(offset).expect("a usize has 64 bits at most")
}
