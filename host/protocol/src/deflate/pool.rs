//! A thread-local pool of decompressors, and of compressors for messages without context takeover.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress};

use super::{Level, WindowBits};

/// How many compressors, and how many decompressors, a thread keeps. One of each is enough, unless peers negotiate
/// different windows or messages arrive in pieces.
const KEPT: usize = 4;

thread_local! {
    static COMPRESSORS: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSORS: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
}

/// A compressor with a fixed level and window.
#[derive(Debug)]
pub(super) struct Compressor {
    pub(super) stream: Compress,
    level: Level,
    window: WindowBits,
}

impl Compressor {
    /// Creates a compressor.
    pub(super) fn new(level: Level, window: WindowBits) -> Self {
        let number = Compression::new(level.number().into());
        let stream = Compress::new_with_window_bits(number, false, window.bits());
        Self { stream, level, window }
    }

    /// Takes a compressor from the pool and resets it, or creates one if none has this level and window.
    pub(super) fn take(level: Level, window: WindowBits) -> Self {
        let fits = |pooled: &Self| pooled.level == level && pooled.window == window;
        let pooled = COMPRESSORS.with_borrow_mut(|pool| {
            let index = pool.iter().rposition(fits)?;
            Some(pool.remove(index))
        });
        match pooled {
            Some(mut compressor) => {
                // The compressor's window may still contain data of another connection.
                compressor.stream.reset();
                compressor
            }
            None => Self::new(level, window),
        }
    }

    /// Returns the compressor to the pool.
    pub(super) fn put_back(self) {
        COMPRESSORS.with_borrow_mut(|pool| {
            // The compressor that was unused for the longest time is dropped.
            if pool.len() == KEPT {
                pool.remove(0);
            }
            pool.push(self);
        });
    }
}

/// Takes a decompressor from the pool and resets it, or creates one. Each has the widest window, so it can also inflate
/// data that was compressed with a narrower window.
pub(super) fn take_decompressor() -> Decompress {
    match DECOMPRESSORS.with_borrow_mut(Vec::pop) {
        Some(mut pooled) => {
            pooled.reset(false);
            pooled
        }
        None => Decompress::new_with_window_bits(false, WindowBits::MAX.bits()),
    }
}

/// Returns a decompressor to the pool.
pub(super) fn put_back_decompressor(decompressor: Decompress) {
    DECOMPRESSORS.with_borrow_mut(|pool| {
        if pool.len() < KEPT {
            pool.push(decompressor);
        }
    });
}
