//! Linear memories of fast instances.
//!
//! A memory reserves 4 GiB of address space and has a guard region of its own. So compiled code needs no bounds checks,
//! and the memory never moves. Some of its pages can be those of an image. All memories of a component share these
//! pages until they write to them.

#![expect(unsafe_code, reason = "memory is mapped by hand, and wasmtime uses it")]

use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::ptr::{NonNull, null_mut};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::image::{self, Image};

/// Creates linear memories that reserve their address space.
pub(super) struct ReservedMemories;

/// A single mapping. Its first `size` bytes can be read and written, and the rest cannot be accessed.
struct Memory {
    start: NonNull<u8>,
    size: usize,
    /// The largest size to which the memory can grow. The guard region follows.
    capacity: usize,
    /// The length of the mapping, which covers the capacity and the guard region.
    length: usize,
}

// SAFETY: the memory owns its mapping, as a box owns its slice. The mapping is accessed only through the memory.
unsafe impl Send for Memory {}
// SAFETY: as above. Nothing is changed through a shared reference.
unsafe impl Sync for Memory {}

// SAFETY: a new memory is all zeros, or begins with its initial data, which the host has taken out of the component. No
// other code has a pointer to the mapping. The reserved size and the size of the guard region are those that wasmtime
// asks for.
unsafe impl MemoryCreator for ReservedMemories {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> std::result::Result<Box<dyn LinearMemory>, String> {
        // Without a reservation, wasmtime expects that the memory may move when it grows.
        let capacity = reserved.unwrap_or(0).max(minimum);
        let length = capacity.checked_add(guard).ok_or("the memory is too large")?;
        let image = image::next(minimum)?;
        Memory::new(minimum, capacity, length, image.as_deref())
            .map(|memory| Box::new(memory) as Box<dyn LinearMemory>)
            .map_err(|error| error.to_string())
    }
}

impl Memory {
    fn new(size: usize, capacity: usize, length: usize, image: Option<&Image>) -> Result<Self> {
        // SAFETY: a new mapping, at an address that the kernel chooses, changes no memory in use.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            libc::mmap(null_mut(), length.max(1), libc::PROT_NONE, flags, -1, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(std::io::ErrorKind::OutOfMemory)?;
        let mut memory = Self { start, size: 0, capacity, length };
        memory.make_accessible(size)?;
        if let Some(image) = image {
            memory.map(image)?;
        }
        Ok(memory)
    }

    /// Makes the memory accessible up to `size`.
    fn make_accessible(&mut self, size: usize) -> Result<()> {
        let added = size.checked_sub(self.size).filter(|_| size <= self.capacity);
        let added = added.ok_or(std::io::ErrorKind::InvalidInput)?;
        if added > 0 {
            // SAFETY: the range is within the mapping, after the part that is already accessible.
            let changed = unsafe {
                let added_start = self.start.as_ptr().add(self.size).cast();
                libc::mprotect(added_start, added, libc::PROT_READ | libc::PROT_WRITE)
            };
            if changed != 0 {
                return Err(Error::last_os_error());
            }
        }
        self.size = size;
        Ok(())
    }

    /// Maps the pages of an image in place of the memory's own pages. A page is copied when it is first written.
    fn map(&mut self, image: &Image) -> Result<()> {
        let range = image.range();
        if range.is_empty() {
            return Ok(());
        }
        if range.end > self.size {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the range is within the accessible part, which nobody uses yet. The file cannot shrink.
        let mapped = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE;
            let start = self.start.as_ptr().add(range.start).cast();
            libc::mmap(start, range.len(), protection, flags, image.file().as_raw_fd(), 0)
        };
        if mapped == libc::MAP_FAILED { Err(Error::last_os_error()) } else { Ok(()) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the whole mapping belongs to this memory, which nobody uses any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length.max(1)) };
    }
}

// SAFETY: the mapping stays where it is until the memory is dropped. Its size and capacity are as reported.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        Ok(self.make_accessible(new_size)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    fn memory(image: Option<&Image>) -> Memory {
        Memory::new(2 * PAGE, 4 * PAGE, 5 * PAGE, image).expect("there is memory")
    }

    fn bytes(memory: &mut Memory) -> &mut [u8] {
        // SAFETY: this part is accessible, and the memory is borrowed.
        unsafe { std::slice::from_raw_parts_mut(memory.as_ptr(), memory.byte_size()) }
    }

    #[test]
    fn memory_grows_in_place_up_to_its_capacity() {
        let mut memory = memory(None);
        let start = memory.as_ptr();
        bytes(&mut memory).fill(1);
        memory.grow_to(4 * PAGE).expect("there is room");
        assert_eq!((memory.as_ptr(), memory.byte_size()), (start, 4 * PAGE));
        let (old, new) = bytes(&mut memory).split_at(2 * PAGE);
        assert!(old.iter().all(|byte| *byte == 1) && new.iter().all(|byte| *byte == 0));
        assert!(memory.grow_to(4 * PAGE + 1).is_err());
        assert_eq!((memory.byte_size(), memory.byte_capacity()), (4 * PAGE, 4 * PAGE));
    }

    #[test]
    fn memories_with_one_image_do_not_see_each_others_writes() {
        let image = Image::with_data(2 * PAGE, &[(PAGE, b"data")]);
        let [mut one, mut other] = [memory(Some(&image)), memory(Some(&image))];
        assert_eq!(bytes(&mut one)[PAGE..PAGE + 5], *b"data\0");
        bytes(&mut one)[PAGE] = b'D';
        assert_eq!(bytes(&mut other)[PAGE..PAGE + 5], *b"data\0");
        let mut third = memory(Some(&image));
        assert_eq!(bytes(&mut third)[PAGE..PAGE + 5], *b"data\0");
        third.grow_to(3 * PAGE).expect("there is room");
        assert_eq!(bytes(&mut third)[PAGE..PAGE + 5], *b"data\0");
    }

    #[test]
    fn image_larger_than_the_memory_is_an_error() {
        let image = Image::with_data(4 * PAGE, &[(3 * PAGE, b"data")]);
        assert!(Memory::new(2 * PAGE, 4 * PAGE, 5 * PAGE, Some(&image)).is_err());
    }
}
