use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wasmtime::{MemoryCreator as _, MemoryType};

use super::*;
use crate::guest::image::{Image, Mappings};
use crate::guest::memories::Memories;

/// The size of the memories of these tests: as many pages as are packed at most, and one more.
const SIZE: usize = (MOST_PAGES + 1) * PAGE;

/// The pages that these tests compare. A page that is only read counts as written.
const COMPARED: usize = 9 * PAGE;

/// Returns an image whose second and third page have content.
fn image() -> Arc<Image> {
    let bytes: Vec<u8> = (0..2 * PAGE).map(|offset| (offset % 251) as u8).collect();
    Arc::new(Image::with_data(SIZE, &[(PAGE, &bytes)]))
}

/// Creates two memories with the same content, which wasmtime would have initialized. The first one is a new instance,
/// with which the other one is compared.
fn footprint(image: Option<Arc<Image>>) -> std::io::Result<Footprint> {
    let memories = Memories::new(SIZE, Mappings::new(2));
    let (new, used) = (memories.region(SIZE, image.clone())?, memories.region(SIZE, image)?);
    for region in [&new, &used] {
        write(region, 5 * PAGE, b"initial");
        write(region, 7 * PAGE, b"also initial");
    }
    // SAFETY: no call uses the memory.
    let initial = Some(Arc::new(unsafe { Initial::copy(&[new]) }));
    let (stack, memories, packed) = (StackOfStore::default(), [used].into(), Box::default());
    Ok(Footprint { stack, memories, packed, initial })
}

fn write(region: &Region, offset: usize, bytes: &[u8]) {
    // SAFETY: the bytes lie in a memory that only this test uses.
    unsafe { region.start().add(offset).copy_from(bytes.as_ptr(), bytes.len()) };
}

fn content(footprint: &Footprint) -> Vec<u8> {
    let region = &footprint.memories[0];
    // SAFETY: the memory belongs to this test, and nothing writes to it now.
    unsafe { std::slice::from_raw_parts(region.start(), COMPARED) }.to_vec()
}

/// Returns how many pages the memory has for itself.
fn pages(footprint: &Footprint) -> usize {
    let region = &footprint.memories[0];
    let pages = private_pages::private_pages(region.start().addr(), region.size(), usize::MAX);
    pages.expect("the kernel reports the pages").len()
}

fn pack(footprint: &mut Footprint) {
    // SAFETY: no call uses the memory.
    unsafe { footprint.pack() };
}

fn unpack(footprint: &mut Footprint) {
    // SAFETY: no call uses the memory.
    unsafe { footprint.unpack() };
}

#[test]
fn memory_has_the_same_content_whenever_it_was_packed() -> std::io::Result<()> {
    let mut random = StdRng::seed_from_u64(1);
    for image in [None, Some(image())] {
        let mut footprint = footprint(image)?;
        let mut packs = [0, 0];
        for _ in 0..200 {
            for _ in 0..random.random_range(0..20) {
                let offset = random.random_range(0..COMPARED - 99);
                let bytes: Vec<u8> = (0..random.random_range(1..99))
                    .map(|_| random.random_range(0..2) * 7)
                    .collect();
                write(&footprint.memories[0], offset, &bytes);
            }
            let before = content(&footprint);
            pack(&mut footprint);
            pack(&mut footprint);
            let is_packed = footprint.packed[0].is_some();
            assert_eq!(is_packed, pages(&footprint) == 0);
            packs[usize::from(is_packed)] += 1;
            unpack(&mut footprint);
            assert!(content(&footprint) == before, "the content has changed");
        }
        // With each round, more of the memory differs.
        assert!(packs.iter().all(|count| *count > 3), "{packs:?}");
    }
    Ok(())
}

#[test]
fn memory_that_is_mostly_as_in_a_new_instance_needs_no_pages_while_it_is_packed()
-> std::io::Result<()> {
    for image in [None, Some(image())] {
        let mut footprint = footprint(image)?;
        write(&footprint.memories[0], PAGE + 9, b"of one instance");
        write(&footprint.memories[0], 5 * PAGE, b"different");
        // As in the other instance, but erased.
        write(&footprint.memories[0], 7 * PAGE, &[0; 12]);
        assert_eq!(pages(&footprint), 3);
        let before = content(&footprint);
        pack(&mut footprint);
        assert_eq!(pages(&footprint), 0);
        unpack(&mut footprint);
        assert_eq!(pages(&footprint), 3);
        assert!(content(&footprint) == before, "the content has changed");
    }
    Ok(())
}

#[test]
fn memory_keeps_its_pages_if_that_saves_nothing_or_takes_too_long() -> std::io::Result<()> {
    let mut full = footprint(None)?;
    write(&full.memories[0], 0, &[1; 20 * PAGE]);
    pack(&mut full);
    assert_eq!(pages(&full), 20);
    let mut large = footprint(None)?;
    for page in 0..=MOST_PAGES {
        write(&large.memories[0], page * PAGE, b"x");
    }
    pack(&mut large);
    assert_eq!(pages(&large), MOST_PAGES + 1);
    Ok(())
}

#[test]
fn first_instance_keeps_its_pages() -> std::io::Result<()> {
    let mut first = Footprint { initial: None, ..footprint(None)? };
    pack(&mut first);
    assert_eq!(pages(&first), 2);
    unpack(&mut first);
    Ok(())
}

#[test]
fn memory_that_has_grown_has_the_same_content_whenever_it_was_packed() -> std::io::Result<()> {
    let memories = Memories::new(4 << 20, Mappings::new(0));
    let mut regions = Vec::new();
    // An instance may have several memories. The second one grows.
    let mut created = memories::during(&mut regions, || {
        [0, 1].map(|_| memories.new_memory(MemoryType::new(1, None), 64 << 10, None, None, 0))
    });
    let grows = created[1].as_mut().expect("there is memory");
    // SAFETY: no call uses the memories.
    let initial = Some(Arc::new(unsafe { Initial::copy(&regions) }));
    let (stack, packed) = (StackOfStore::default(), Box::default());
    let mut footprint = Footprint { stack, memories: regions.into(), packed, initial };
    for size in [1 << 20, 2 << 20] {
        grows.grow_to(size).map_err(std::io::Error::other)?;
        write(&footprint.memories[0], 9, &[(size >> 20) as u8; 9]);
        write(&footprint.memories[1], size - 9, &[(size >> 20) as u8; 9]);
        let read = |footprint: &Footprint| {
            [(0, 9), (1, size - 9), (1, (1 << 20) - 9)].map(|(memory, offset)| {
                // SAFETY: the bytes lie in a memory that only this test uses.
                unsafe { footprint.memories[memory].start().add(offset).cast::<[u8; 9]>().read() }
            })
        };
        let before = read(&footprint);
        pack(&mut footprint);
        assert!(footprint.packed.iter().all(Option::is_some));
        unpack(&mut footprint);
        assert_eq!(read(&footprint), before);
    }
    Ok(())
}
