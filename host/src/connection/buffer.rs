//! Buffers for input. An idle connection has none.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut, Range};

/// The number of bytes that are read at once. A few thousand small messages fit into this. A single message of up to 64
/// KiB fits too, and can then be borrowed instead of copied.
const READ_SIZE: usize = 128 << 10;

/// The number of free buffers that a thread keeps. One buffer is in use at a time, plus one for each handler that
/// sleeps in the middle of a read.
const MAX_FREE: usize = 4;

thread_local! {
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer with input that has to be handled.
#[derive(Debug)]
pub(super) enum Buffer {
    /// A large buffer. When it is dropped, it goes back to its thread.
    Shared(Box<[u8]>),
    /// A buffer exactly as long as its content.
    Own(Vec<u8>),
}

impl Buffer {
    /// Returns a free buffer of this thread, or allocates one.
    pub(super) fn shared() -> Self {
        let free = FREE.with_borrow_mut(Vec::pop);
        Self::Shared(free.unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice()))
    }

    /// Replaces a shared buffer with a copy of the unread input. Called before the connection waits: many connections
    /// may wait at the same time, so none of them should keep a whole read buffer.
    pub(super) fn shrink_to_unread(&mut self, unread: &mut Range<usize>) {
        if let Self::Shared(bytes) = self {
            *self = Self::Own(bytes[unread.clone()].to_vec());
            *unread = 0..unread.len();
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Self::Shared(bytes) = self {
            let bytes = std::mem::take(bytes);
            FREE.with_borrow_mut(|free| {
                if free.len() < MAX_FREE {
                    free.push(bytes);
                }
            });
        }
    }
}
