//! A thread-local pool of message buffers.
//!
//! A connection needs a buffer only for a short time: from the first byte of a long message to its end, and from
//! sending a message until it is written. The connections of a thread therefore reuse the same few buffers. A short
//! buffer is still in the processor's cache when it is filled and read. The pages of a long buffer are already mapped.
//! Mapping new pages would cost more than all work on the contents.
//!
//! The crate takes buffers from the pool and puts them back itself. Only the payloads of events are put back by the
//! crate's user ([`Outbound::recycle`](crate::Outbound::recycle)). The crate has no clock, so its user decides when to
//! free the buffers ([`Outbound::release_buffers`](crate::Outbound::release_buffers)).

use std::cell::RefCell;

/// The maximum capacity of a short buffer, in bytes. A buffer of this size fits into an L2 cache.
pub(crate) const SHORT: usize = 256 << 10;

/// A buffer with more than this capacity in bytes is long. Buffers between [`SHORT`] and this length are left to the
/// allocator, which keeps memory of that size for a while.
const LONG: usize = 2 << 20;

/// How many short buffers a thread keeps. One is in use at a time, or more if peers are slow.
const SHORT_KEPT: usize = 4;

/// How many long buffers a thread keeps: one to receive a message into, and one to send it from.
const LONG_KEPT: usize = 2;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { short: Vec::new(), long: Vec::new() }) };
}

struct Pool {
    short: Vec<Vec<u8>>,
    long: Vec<Vec<u8>>,
}

/// Keeps a long buffer for a later long message. Frees any other buffer.
pub(crate) fn recycle(buffer: Vec<u8>) {
    // The buffer of a short payload has exactly the length of the payload. A reply of the same length would not fit,
    // because it has a header.
    if buffer.capacity() > LONG {
        put_back(buffer);
    }
}

/// Frees the long buffers of this thread.
pub(crate) fn release_memory() {
    POOL.with_borrow_mut(|pool| pool.long = Vec::new());
}

/// Returns a buffer to the pool.
pub(crate) fn put_back(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 {
        return;
    }
    buffer.clear();
    POOL.with_borrow_mut(|pool| match buffer.capacity() {
        ..=SHORT if pool.short.len() < SHORT_KEPT => pool.short.push(buffer),
        ..=LONG => {}
        _ if pool.long.len() < LONG_KEPT => pool.long.push(buffer),
        longer => {
            let shortest = pool.long.iter_mut().min_by_key(|kept| kept.capacity());
            if let Some(shortest) = shortest.filter(|kept| kept.capacity() < longer) {
                *shortest = buffer;
            }
        }
    });
}

/// Returns an empty buffer with room for `length` bytes.
pub(crate) fn take(length: usize) -> Vec<u8> {
    // If no long buffer in the pool has enough room, a new one is allocated. Growing a pooled buffer instead would save
    // nothing: the buffer is empty, and its mapped pages would be lost.
    let pooled = match length {
        ..=SHORT => POOL.with_borrow_mut(|pool| pool.short.pop()),
        _ => take_long(length),
    };
    let mut buffer = pooled.unwrap_or_default();
    buffer.reserve(length);
    buffer
}

/// Returns an empty long buffer for contents of `length` bytes that will grow by `additional` bytes. Returns `None` if
/// the contents do not grow, if they will have no more than [`LONG`] bytes, or if no buffer in the pool is large
/// enough.
pub(crate) fn take_long_for(length: usize, additional: usize) -> Option<Vec<u8>> {
    let grown = length.saturating_add(additional);
    if additional == 0 || grown <= LONG { None } else { take_long(grown) }
}

/// Returns the smallest of the long buffers that have room for `length` bytes.
fn take_long(length: usize) -> Option<Vec<u8>> {
    POOL.with_borrow_mut(|Pool { long, .. }| {
        let fits = |index: &usize| long[*index].capacity() >= length;
        let shortest = (0..long.len()).filter(fits).min_by_key(|index| long[*index].capacity())?;
        Some(long.swap_remove(shortest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_buffer_put_back_is_taken_first_and_only_some_are_kept() {
        for capacity in [100, 200, 300, 400, 500] {
            put_back(Vec::with_capacity(capacity));
        }
        let taken: Vec<_> = (0..5).map(|_| take(0).capacity()).collect();
        assert_eq!(taken, [400, 300, 200, 100, 0]);
    }

    #[test]
    fn the_contents_of_a_buffer_are_never_seen_again() {
        put_back(b"secret".to_vec());
        assert_eq!(take(1), b"");
    }

    #[test]
    fn the_longest_buffers_are_kept_and_the_shortest_that_fits_is_taken() {
        for more in [2, 4, 1, 3] {
            recycle(Vec::with_capacity(LONG + more));
        }
        assert_eq!(take(0).capacity(), 0, "a long buffer does not serve as a short one");
        assert_eq!(take_long_for(LONG + 1, 0), None, "it does not grow");
        assert_eq!(take_long_for(0, LONG), None, "that is left to the allocator");
        assert_eq!(take_long(LONG + 5), None);
        assert_eq!(take(LONG + 1).capacity(), LONG + 3);
        assert_eq!(take(LONG + 1).capacity(), LONG + 4);
        assert_eq!(take_long(LONG + 1), None);
    }

    #[test]
    fn long_buffers_are_released_and_short_buffers_kept() {
        recycle(Vec::with_capacity(LONG + 1));
        put_back(Vec::with_capacity(10));
        release_memory();
        assert_eq!(take_long(LONG + 1), None);
        assert_eq!(take(0).capacity(), 10);
    }

    #[test]
    fn the_memory_of_a_short_payload_is_not_kept() {
        recycle(Vec::with_capacity(SHORT));
        assert_eq!(take(0).capacity(), 0);
    }
}
