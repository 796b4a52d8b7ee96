//! Octets that wait to be written, some of them shared with other connections.

use std::collections::VecDeque;
use std::ops::Deref;

use bytes::{Buf, Bytes};

use crate::spare;

/// Below this length a shared frame is copied: cheaper than a segment of its own in the queue.
pub(crate) const SHARE_FROM: usize = 4096;

/// A buffer up to this length is kept, however little is in it, in octets.
const SMALL: usize = 4096;

/// What is left of a message however long it was that is copied, in octets.
const LITTLE: usize = 1 << 20;

/// A queue without a bound of its own: who fills it holds it.
///
/// Its memory is at most about twice what waits, and beside that one long message that is being written, until
/// [`LITTLE`] of it is left. A buffer that the thread has lent is much longer than a short message; so none stays
/// with a queue that holds little while its peer takes nothing.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Written before `tail`.
    segments: VecDeque<Segment>,
    /// Lent by the thread, and given back when nothing waits.
    tail: Vec<u8>,
    /// How much has been written of what is in front: of the first segment, or of `tail` if there is none.
    written: usize,
    queued: usize,
    /// How much of it others hold too, perhaps.
    shared: usize,
}

/// Octets that nothing is appended to any more.
#[derive(Debug)]
enum Segment {
    Own(Vec<u8>),
    /// Whole, so that no part keeps the memory of the rest: it is the others' memory, too.
    Shared(Bytes),
}

impl Deref for Segment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(octets) => octets,
            Self::Shared(octets) => octets,
        }
    }
}

impl Segment {
    /// Whether so little of it is worth a copy of its own.
    fn is_mostly_unused(&self, waiting: usize) -> bool {
        match self {
            Self::Own(octets) => is_mostly_unused(octets, waiting),
            // With a copy of the half for each of many peers, sharing would save nothing.
            Self::Shared(_) => waiting < SHARE_FROM,
        }
    }
}

/// Whether so little of a buffer is worth a copy of its own. Of a long one less is copied, when most of it has
/// been written: it takes new memory, and others wait for that of the long one.
fn is_mostly_unused(buffer: &Vec<u8>, waiting: usize) -> bool {
    let enough = match buffer.capacity() {
        ..=SMALL => 0,
        short @ ..=spare::SHORT => short / 2,
        long => (long / 8).min(LITTLE),
    };
    waiting < enough
}

impl Queue {
    /// How much waits of what no other holds.
    pub(crate) fn own(&self) -> usize {
        self.queued - self.shared
    }

    pub(crate) fn append(&mut self, octets: &[u8]) {
        self.append_with(octets.len(), |tail| tail.extend_from_slice(octets));
    }

    /// Lets `write` append about so many octets to what waits.
    pub(crate) fn append_with(&mut self, octets: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.tail.capacity() == 0 {
            self.tail = spare::take(octets);
        } else if self.tail.capacity() - self.tail.len() < octets {
            // A peer that never quite catches up must not let the written part grow for ever.
            self.forget_written();
            self.tail.reserve(octets);
        }
        let before = self.tail.len();
        write(&mut self.tail);
        self.queued += self.tail.len() - before;
    }

    /// Appends octets that others hold too; many are not copied.
    pub(crate) fn share(&mut self, octets: &Bytes) {
        if octets.len() < SHARE_FROM {
            return self.append(octets);
        }
        self.seal_tail();
        self.segments.push_back(Segment::Shared(octets.clone()));
        self.queued += octets.len();
        self.shared += octets.len();
    }

    /// Gives buffers back that hold little, and keeps that little in one of its length. Worth a call when the
    /// peer takes nothing for a moment.
    pub(crate) fn release_memory(&mut self) {
        match self.segments.front_mut() {
            Some(front) if front.is_mostly_unused(front.len() - self.written) => {
                let own = Segment::Own(front[self.written..].to_vec());
                if let Segment::Shared(_) = front {
                    self.shared -= own.len();
                }
                *front = own;
                self.written = 0;
            }
            Some(_) => {}
            None => self.segments = VecDeque::new(),
        }
        let written = if self.segments.is_empty() { self.written } else { 0 };
        let waiting = &self.tail[written..];
        if is_mostly_unused(&self.tail, waiting.len()) {
            let waiting = waiting.to_vec();
            spare::put_back(std::mem::replace(&mut self.tail, waiting));
            self.written -= written;
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Own(octets) => octets.capacity(),
            Segment::Shared(octets) => octets.len(),
        });
        self.tail.capacity() + segments.sum::<usize>()
    }

    /// Makes what stands in `tail` a segment, so that a shared one can follow it. Little of it is copied, and
    /// the buffer stays.
    fn seal_tail(&mut self) {
        let written = if self.segments.is_empty() { self.written } else { 0 };
        let waiting = self.tail.len() - written;
        if waiting == 0 {
            return;
        }
        let sealed = if is_mostly_unused(&self.tail, waiting) {
            let sealed = self.tail[written..].to_vec();
            self.tail.clear();
            self.written -= written;
            sealed
        } else {
            std::mem::take(&mut self.tail)
        };
        self.segments.push_back(Segment::Own(sealed));
    }

    fn advance_tail(&mut self, count: usize) {
        self.written += count;
        if self.written == self.tail.len() {
            spare::put_back(std::mem::take(&mut self.tail));
            self.written = 0;
        }
    }

    /// Drops what has been written of `tail`.
    fn forget_written(&mut self) {
        if self.segments.is_empty() {
            self.tail.drain(..self.written);
            self.written = 0;
        }
    }
}

impl Buf for Queue {
    fn remaining(&self) -> usize {
        self.queued
    }

    fn chunk(&self) -> &[u8] {
        let front = self.segments.front().map_or(&*self.tail, |segment| segment);
        &front[self.written..]
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let segments = self.segments.iter().map(|segment| &**segment);
        let chunks = segments.chain(std::iter::once(&*self.tail));
        let mut written = self.written;
        let chunks = chunks.map(|chunk| &chunk[std::mem::take(&mut written)..]);
        let mut filled = 0;
        for (slice, chunk) in slices.iter_mut().zip(chunks.filter(|chunk| !chunk.is_empty())) {
            *slice = std::io::IoSlice::new(chunk);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.queued, "advanced by more than the buffer holds");
        self.queued -= count;
        while let Some(front) = self.segments.front() {
            let waiting = front.len() - self.written;
            if let Segment::Shared(_) = front {
                self.shared -= count.min(waiting);
            }
            if count < waiting {
                self.written += count;
                return;
            }
            count -= waiting;
            self.written = 0;
            self.segments.pop_front();
        }
        self.advance_tail(count);
    }
}
