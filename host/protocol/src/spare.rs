//! Memory for messages, lent by the thread.
//!
//! A connection needs it for a moment: from the first octet of a long message to its end, and from a
//! message that is sent to the socket. So the same few buffers go from one connection to the next. Short
//! ones lie in the processor's cache when they are filled and read. Long ones have their pages already:
//! new ones would cost more than all that is done with what is in them.
//!
//! The protocol takes and gives back by itself, but for what it has handed out: [`recycle`] an event's
//! memory when the event is over. And it has no clock: whoever has one says when to [`release_memory`].

use std::cell::RefCell;

/// The longest of the short buffers, in octets: a second level cache holds one.
pub(crate) const SHORT: usize = 256 << 10;

/// From which length on a buffer is long, in octets. Those between are left to the allocator, which keeps
/// memory of that length for a while itself.
const LONG: usize = 2 << 20;

/// How many short ones a thread keeps. One is in use at a time, and more where peers are slow.
const SHORT_KEPT: usize = 4;

/// How many long ones a thread keeps: one that a message is received into, and one that it is sent from.
const LONG_KEPT: usize = 2;

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { short: Vec::new(), long: Vec::new() }) };
}

struct Spare {
    short: Vec<Vec<u8>>,
    long: Vec<Vec<u8>>,
}

/// Takes the memory of an event's payload for that of a later message, if it is longer than 2 MiB. Fresh memory of that
/// length costs more than all that is done with what is in it.
///
/// Worth a call when an event is over that owned its payload. Nothing of what was in it is seen again.
pub fn recycle(buffer: Vec<u8>) {
    // A short one is just as long as its message, and too short for the answer to it with its header.
    if buffer.capacity() > LONG {
        put_back(buffer);
    }
}

/// Frees what is kept of long messages for later ones of connections on this thread: at most twice the longest
/// message. Worth a call when a connection ends, and now and then when connections idle.
pub fn release_memory() {
    SPARE.with_borrow_mut(|spare| spare.long = Vec::new());
}

/// Takes back what was lent.
pub(crate) fn put_back(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 {
        return;
    }
    buffer.clear();
    SPARE.with_borrow_mut(|spare| match buffer.capacity() {
        ..=SHORT if spare.short.len() < SHORT_KEPT => spare.short.push(buffer),
        ..=LONG => {}
        _ if spare.long.len() < LONG_KEPT => spare.long.push(buffer),
        longer => {
            let shortest = spare.long.iter_mut().min_by_key(|kept| kept.capacity());
            if let Some(shortest) = shortest.filter(|kept| kept.capacity() < longer) {
                *shortest = buffer;
            }
        }
    });
}

/// An empty buffer with room for so many octets.
pub(crate) fn take(octets: usize) -> Vec<u8> {
    // A kept one that is too short is not made longer: it would move nothing, but its pages are lost.
    let spare = match octets {
        ..=SHORT => SPARE.with_borrow_mut(|spare| spare.short.pop()),
        _ => take_long(octets),
    };
    let mut buffer = spare.unwrap_or_default();
    buffer.reserve(octets);
    buffer
}

/// An empty long buffer for what is there and has to grow by so many octets, if it grows, and one that
/// fits is kept.
pub(crate) fn take_longer(there: usize, room: usize) -> Option<Vec<u8>> {
    let octets = there.saturating_add(room);
    if room == 0 || octets <= LONG { None } else { take_long(octets) }
}

/// The shortest of the long buffers that have room for so many octets.
fn take_long(octets: usize) -> Option<Vec<u8>> {
    SPARE.with_borrow_mut(|Spare { long, .. }| {
        let fitting = |place: &usize| long[*place].capacity() >= octets;
        let shortest =
            (0..long.len()).filter(fitting).min_by_key(|place| long[*place].capacity())?;
        Some(long.swap_remove(shortest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_given_back_is_lent_first_and_only_some_are_kept() {
        for capacity in [100, 200, 300, 400, 500] {
            put_back(Vec::with_capacity(capacity));
        }
        let lent: Vec<_> = (0..5).map(|_| take(0).capacity()).collect();
        assert_eq!(lent, [400, 300, 200, 100, 0]);
    }

    #[test]
    fn nothing_that_was_in_a_buffer_is_seen_again() {
        put_back(b"secret".to_vec());
        assert_eq!(take(1), b"");
    }

    #[test]
    fn of_long_ones_the_longest_are_kept_and_the_shortest_that_fits_is_lent() {
        for more in [2, 4, 1, 3] {
            recycle(Vec::with_capacity(LONG + more));
        }
        assert_eq!(take(0).capacity(), 0, "a short one is not made of a long one");
        assert_eq!(take_longer(LONG + 1, 0), None, "it does not grow");
        assert_eq!(take_longer(0, LONG), None, "the allocator has one");
        assert_eq!(take_long(LONG + 5), None);
        assert_eq!(take(LONG + 1).capacity(), LONG + 3);
        assert_eq!(take(LONG + 1).capacity(), LONG + 4);
        assert_eq!(take_long(LONG + 1), None);
    }

    #[test]
    fn long_ones_are_released_and_short_ones_kept() {
        recycle(Vec::with_capacity(LONG + 1));
        put_back(Vec::with_capacity(10));
        release_memory();
        assert_eq!(take_long(LONG + 1), None);
        assert_eq!(take(0).capacity(), 10);
    }

    #[test]
    fn memory_of_a_short_event_is_not_lent() {
        recycle(Vec::with_capacity(SHORT));
        assert_eq!(take(0).capacity(), 0);
    }
}
