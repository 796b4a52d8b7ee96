//! Compressors and decompressors lent by the thread, for messages that stand alone.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress};

use super::{Level, WindowBits};

/// How many of each a thread keeps. One is in use at a time, unless peers ask for different windows or
/// their messages come in pieces.
const KEPT: usize = 4;

thread_local! {
    static COMPRESSORS: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSORS: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
}

/// A compressor that keeps to a window.
#[derive(Debug)]
pub(super) struct Compressor {
    pub(super) stream: Compress,
    level: Level,
    window: WindowBits,
}

impl Compressor {
    /// A compressor of its own for a connection.
    pub(super) fn new(level: Level, window: WindowBits) -> Self {
        let number = Compression::new(level.number().into());
        let stream = Compress::new_with_window_bits(number, false, window.bits());
        Self { stream, level, window }
    }

    /// One that knows of nothing, from the thread's if there is such a one.
    pub(super) fn lent(level: Level, window: WindowBits) -> Self {
        let fits = |kept: &Self| kept.level == level && kept.window == window;
        let kept = COMPRESSORS.with_borrow_mut(|kept| {
            let place = kept.iter().rposition(fits)?;
            Some(kept.remove(place))
        });
        match kept {
            Some(mut compressor) => {
                // What it compressed before was perhaps another connection's.
                compressor.stream.reset();
                compressor
            }
            None => Self::new(level, window),
        }
    }

    pub(super) fn give_back(self) {
        COMPRESSORS.with_borrow_mut(|kept| {
            // The one that was of no use for the longest time makes room.
            if kept.len() == KEPT {
                kept.remove(0);
            }
            kept.push(self);
        });
    }
}

/// A decompressor that knows of nothing. It has the widest window, which inflates all others too.
pub(super) fn decompressor() -> Decompress {
    match DECOMPRESSORS.with_borrow_mut(Vec::pop) {
        Some(mut kept) => {
            kept.reset(false);
            kept
        }
        None => Decompress::new_with_window_bits(false, WindowBits::MAX.bits()),
    }
}

pub(super) fn give_back(decompressor: Decompress) {
    DECOMPRESSORS.with_borrow_mut(|kept| {
        if kept.len() < KEPT {
            kept.push(decompressor);
        }
    });
}
