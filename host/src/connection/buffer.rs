//! Where input is read to. An idle connection holds no buffer.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut, Range};

/// How much is read at once, in octets: some thousand small messages, or one of 64 KiB whole, so that it
/// is lent and not copied.
const READ_SIZE: usize = 128 << 10;

/// How many buffers a thread keeps. One is in use at a time, and one more for each handler that
/// sleeps in the middle of a batch.
const KEPT: usize = 4;

thread_local! {
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Octets to work on.
#[derive(Debug)]
pub(super) enum Buffer {
    /// A big one that belongs to the thread and goes back there.
    Shared(Box<[u8]>),
    /// As long as what is in it.
    Own(Vec<u8>),
}

impl Buffer {
    pub(super) fn shared() -> Self {
        let free = FREE.with_borrow_mut(Vec::pop);
        Self::Shared(free.unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice()))
    }

    /// To wait with. Many may have to: each keeps what it has not handled yet, and no whole read buffer.
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
                if free.len() < KEPT {
                    free.push(bytes);
                }
            });
        }
    }
}
