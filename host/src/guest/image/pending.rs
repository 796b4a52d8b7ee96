//! The assignment of images to new memories.

use std::cell::RefCell;
use std::sync::Arc;

use super::Image;

/// The images of a component.
#[derive(Debug)]
pub(in crate::guest) struct Images {
    /// The images, in the order in which an instance creates its memories. `None` for a memory without data.
    images: Vec<Option<Arc<Image>>>,
    /// How many of these memories the host has added to the component.
    private_memories: usize,
}

/// The images for the memories that an instance has yet to create.
#[derive(Debug)]
pub(in crate::guest) struct PendingImages {
    images: Arc<Images>,
    next: usize,
}

thread_local! {
    /// The images for the instance that this thread is creating now.
    static CURRENT: RefCell<Option<PendingImages>> = const { RefCell::new(None) };
}

impl Images {
    pub(super) fn new(images: Vec<Option<Image>>, private_memories: usize) -> Self {
        let images = images.into_iter().map(|image| image.map(Arc::new)).collect();
        Self { images, private_memories }
    }

    /// Returns how many memories the host has added to the component. Each has one page.
    pub(in crate::guest) fn private_memories(&self) -> usize {
        self.private_memories
    }
}

impl PendingImages {
    pub(in crate::guest) fn new(images: Arc<Images>) -> Self {
        Self { images, next: 0 }
    }

    /// Supplies images for the memories that `create` creates on this thread. Leaves the remaining images in `supply`,
    /// and returns the result of `create`.
    pub(in crate::guest) fn during<R>(supply: &mut Option<Self>, create: impl FnOnce() -> R) -> R {
        CURRENT.set(supply.take());
        let created = create();
        *supply = CURRENT.take();
        created
    }
}

/// Returns the image for the next memory that this thread creates, which has `minimum` bytes at first. Returns `None`
/// if the module initializes the memory itself.
///
/// # Errors
///
/// An error if this is not the expected memory.
pub(in crate::guest) fn next(minimum: usize) -> Result<Option<Arc<Image>>, &'static str> {
    CURRENT.with_borrow_mut(|current| {
        let Some(supply) = current else { return Ok(None) };
        let image = supply.images.images.get(supply.next);
        supply.next += 1;
        match image.ok_or("the component creates more memories than it declares")? {
            Some(image) if image.minimum() != minimum => {
                Err("the component creates its memories in an unexpected order")
            }
            image => Ok(image.clone()),
        }
    })
}
