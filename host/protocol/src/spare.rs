//! Memory for what waits to be written, lent by the thread.
//!
//! A connection needs it for the moment between a message and the socket. So the same few buffers go
//! from one connection to the next, and lie in the processor's cache when they are filled and read.

use std::cell::RefCell;

/// The longest buffer that is kept, in octets: a second level cache holds one.
const LONGEST: usize = 256 << 10;

/// How many a thread keeps. One is in use at a time, and more where peers are slow.
const KEPT: usize = 4;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for so many octets.
pub(crate) fn take(octets: usize) -> Vec<u8> {
    // What is too long to be kept is made as long as it must be.
    let spare = if octets > LONGEST { None } else { SPARE.with_borrow_mut(Vec::pop) };
    let mut buffer = spare.unwrap_or_default();
    buffer.reserve(octets);
    buffer
}

/// Takes a buffer back, whatever is in it.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if (1..=LONGEST).contains(&buffer.capacity()) {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                buffer.clear();
                spare.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_given_back_is_lent_first_and_only_some_are_kept() {
        for capacity in [100, 200, 300, 400, 500] {
            give_back(Vec::with_capacity(capacity));
        }
        let lent: Vec<_> = (0..5).map(|_| take(0).capacity()).collect();
        assert_eq!(lent, [400, 300, 200, 100, 0]);
    }

    #[test]
    fn nothing_that_was_in_a_buffer_is_seen_again() {
        give_back(b"secret".to_vec());
        assert_eq!(take(1), b"");
    }

    #[test]
    fn long_ones_are_not_kept() {
        give_back(Vec::with_capacity(LONGEST + 1));
        assert_eq!(take(0).capacity(), 0);
        give_back(Vec::with_capacity(10));
        assert!(take(LONGEST + 1).capacity() > LONGEST);
        assert_eq!(take(0).capacity(), 10, "a long one is not made of a kept one");
    }
}
