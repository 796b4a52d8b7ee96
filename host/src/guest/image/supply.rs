//! Which image is for which new memory.

use std::cell::RefCell;
use std::sync::Arc;

use super::Image;

/// The images of a component.
#[derive(Debug)]
pub(in crate::guest) struct Images {
    /// In the order in which an instance creates its memories. A memory without data has none.
    images: Vec<Option<Arc<Image>>>,
    /// How many of these memories are not in the component as it was.
    private_memories: usize,
}

/// The images for the memories that one instance has still to create.
#[derive(Debug)]
pub(in crate::guest) struct Supply {
    images: Arc<Images>,
    next: usize,
}

thread_local! {
    /// The images of the instance that this thread creates now.
    static CURRENT: RefCell<Option<Supply>> = const { RefCell::new(None) };
}

impl Images {
    pub(super) fn new(images: Vec<Option<Image>>, private_memories: usize) -> Self {
        let images = images.into_iter().map(|image| image.map(Arc::new)).collect();
        Self { images, private_memories }
    }

    /// Returns how many memories an instance has in addition to those of the component as it was. Each has one page.
    pub(in crate::guest) fn private_memories(&self) -> usize {
        self.private_memories
    }
}

impl Supply {
    pub(in crate::guest) fn new(images: Arc<Images>) -> Self {
        Self { images, next: 0 }
    }

    /// Supplies the memories that `create` creates on this thread, and returns what is left with the result.
    pub(in crate::guest) fn during<R>(supply: &mut Option<Self>, create: impl FnOnce() -> R) -> R {
        CURRENT.set(supply.take());
        let created = create();
        *supply = CURRENT.take();
        created
    }
}

/// Returns the image for the memory that this thread creates next, with `minimum` bytes at first. Returns `None` if
/// its module sets up the memory itself.
///
/// # Errors
///
/// This is not the memory that was expected.
pub(in crate::guest) fn next(minimum: usize) -> Result<Option<Arc<Image>>, &'static str> {
    CURRENT.with_borrow_mut(|current| {
        let Some(supply) = current else { return Ok(None) };
        let image = supply.images.images.get(supply.next);
        supply.next += 1;
        match image.ok_or("the component creates more memories than it has")? {
            Some(image) if image.minimum() != minimum => {
                Err("the component creates its memories in another order")
            }
            image => Ok(image.clone()),
        }
    })
}
