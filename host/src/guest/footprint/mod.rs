//! The memory that the host provides to an instance on the dense engine: the stack of its calls, and its linear
//! memories.
//!
//! An idle instance needs little of it. The stack is empty between two calls. And a linear memory is mostly the same in
//! all instances of a component: it is data of the program and of its start-up code. So a memory can be packed: the
//! host keeps only the blocks of 64 bytes that differ from a new instance, and gives all pages back to the kernel. The
//! next event restores the pages first.

#![expect(unsafe_code, reason = "nothing but a call may use the memory while the call runs")]

mod initial;
mod packed;
mod private_pages;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

pub(super) use self::initial::Initial;
use self::packed::Packed;
use super::image::{Images, PendingImages};
use super::memories::{self, Region};
use super::stacks::{self, StackOfStore};

/// The size of a page of the kernel, in bytes. With pages of another size, linear memories are not packed.
pub(super) const PAGE: usize = 4096;

/// The content of a page.
pub(super) type Page = [u8; PAGE];

/// The content of a page that nobody has written.
const ZEROS: Page = [0; PAGE];

/// The number of a page in its memory.
pub(super) type PageNumber = u32;

/// How many pages of an instance are packed at most. To restore so many takes about half a millisecond, in which
/// the worker does nothing else.
const MOST_PAGES: usize = 256;

/// The stack and the linear memories of an instance.
pub(super) struct Footprint {
    stack: StackOfStore,
    memories: Box<[Arc<Region>]>,
    /// The content of the packed memories. `None` for a memory that is not packed. Empty if none is.
    packed: Box<[Option<Packed>]>,
    /// What the memories are compared with. `None` for the first instance of a component.
    initial: Option<Arc<Initial>>,
}

impl Footprint {
    /// Returns the content of the memories of an instance that has not handled any event.
    ///
    /// # Safety
    ///
    /// No call of the instance may be in progress.
    pub(super) unsafe fn initial(&self) -> Initial {
        // SAFETY: the caller vouches for it.
        unsafe { Initial::copy(&self.memories) }
    }

    /// Gives the memory of the stack back to the kernel.
    ///
    /// # Safety
    ///
    /// No call of the instance may be in progress.
    pub(super) unsafe fn clear_stack(&self) {
        // SAFETY: no call is running.
        unsafe { self.stack.clear() };
    }

    /// Packs the memories for which it is worthwhile.
    ///
    /// # Safety
    ///
    /// No call of the instance may be in progress. [`unpack`](Self::unpack) must be called before the next one.
    pub(super) unsafe fn pack(&mut self) {
        if !self.packed.is_empty() {
            return;
        }
        let mut most = MOST_PAGES;
        let pack = |(index, region): (usize, &Arc<Region>)| {
            let initial = self.initial.as_ref()?.memory(index)?;
            // An error does no harm: the memory stays in use.
            // SAFETY: only calls use the region, and `unpack` restores it before the next one.
            let packed = unsafe { Packed::pack(region, initial, most) }.ok().flatten()?;
            most -= packed.pages();
            Some(packed)
        };
        self.packed = self.memories.iter().enumerate().map(pack).collect();
    }

    /// Restores the memories that are packed.
    ///
    /// # Safety
    ///
    /// No call of the instance may be in progress.
    #[cold]
    pub(super) unsafe fn unpack(&mut self) {
        let packed = std::mem::take(&mut self.packed);
        let Some(initial) = &self.initial else { return };
        for (index, (packed, region)) in packed.iter().zip(&self.memories).enumerate() {
            if let (Some(packed), Some(initial)) = (packed, initial.memory(index)) {
                // SAFETY: the region was packed with this very `initial`, and no call has run since.
                unsafe { packed.restore(region, initial) };
            }
        }
    }
}

/// Creates an instance in a new store. If the component's initial data was moved to `images`, the memories of the
/// instance begin with these images. When the memories are packed, they are compared with `initial`. Gives the memory
/// of the store's stack back to the kernel, because events need less stack than start-up code.
///
/// # Cancel safety
///
/// Not cancel safe: the store must be dropped with the future.
pub(super) async fn instantiate<T: Send>(
    pre: &InstancePre<T>,
    store: &mut Store<T>,
    images: Option<Arc<Images>>,
    initial: Option<Arc<Initial>>,
) -> wasmtime::Result<(Instance, Footprint)> {
    let (mut stack, mut regions) = (StackOfStore::default(), Vec::new());
    let mut supply = images.map(PendingImages::new);
    let mut instantiating = pin!(pre.instantiate_async(store));
    let instance = poll_fn(|context| {
        stacks::during(&mut stack, || {
            memories::during(&mut regions, || {
                PendingImages::during(&mut supply, || instantiating.as_mut().poll(context))
            })
        })
    })
    .await?;
    // SAFETY: the stack was created by a poll of this very future, for a call that has ended. The store is still
    // borrowed, so no other call has begun on that stack.
    unsafe { stack.clear() };
    let (memories, packed) = (regions.into(), Box::default());
    Ok((instance, Footprint { stack, memories, packed, initial }))
}
