//! A queue of bytes to be written, some of them shared with other connections.

use std::collections::VecDeque;
use std::ops::Deref;

use bytes::{Buf, Bytes};

use crate::buffer_pool;

/// Shared frames with fewer bytes than this are copied, because that is cheaper than a separate segment of the queue.
pub(crate) const SHARE_FROM: usize = 4096;

/// Buffers of up to this many bytes are kept, even if only a few of their bytes are used.
const SMALL: usize = 4096;

/// A long buffer is freed only if fewer bytes than this must be copied out of it.
const MAX_COPY: usize = 1 << 20;

/// A queue without a limit. The caller must limit it.
///
/// The queue uses up to about twice the memory of the queued bytes. In addition, it keeps the whole buffer of a long
/// message that is being written, until the unwritten rest is shorter than both [`MAX_COPY`] and an eighth of the
/// buffer.
///
/// A pooled buffer is much longer than a short message. So a queue with few bytes must not keep such a buffer while its
/// peer reads nothing.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The segments that are written before `tail`.
    segments: VecDeque<Segment>,
    /// A buffer from the thread's pool. It is returned when the queue is empty.
    tail: Vec<u8>,
    /// How many bytes of the first segment have been written. If there is no segment, this counts bytes of `tail`.
    written: usize,
    queued: usize,
    /// How many of the queued bytes may be shared with other connections.
    shared: usize,
}

/// Queued bytes to which nothing more is appended.
#[derive(Debug)]
enum Segment {
    Owned(Vec<u8>),
    /// A whole frame, which other connections share. It is never a slice of a frame, because a slice would save no
    /// memory: it would keep the memory of the whole frame.
    Shared(Bytes),
}

impl Deref for Segment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Segment {
    /// Returns whether it is worth copying the `waiting` bytes in order to free the segment.
    fn is_mostly_unused(&self, waiting: usize) -> bool {
        match self {
            Self::Owned(bytes) => is_mostly_unused(bytes, waiting),
            // If each of many peers copied up to half of the frame, sharing would save nothing.
            Self::Shared(_) => waiting < SHARE_FROM,
        }
    }
}

/// Returns whether it is worth copying the `waiting` bytes of a buffer in order to free the buffer. The copy needs new
/// memory, and half of a long buffer would be too much. So the share of waiting bytes must be smaller in a long buffer
/// than in a short one. Freeing a long buffer helps other connections that need a long buffer.
fn is_mostly_unused(buffer: &Vec<u8>, waiting: usize) -> bool {
    let threshold = match buffer.capacity() {
        ..=SMALL => 0,
        short @ ..=buffer_pool::SHORT => short / 2,
        long => (long / 8).min(MAX_COPY),
    };
    waiting < threshold
}

impl Queue {
    /// Returns the number of queued bytes that are not shared.
    pub(crate) fn unshared(&self) -> usize {
        self.queued - self.shared
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.append_with(bytes.len(), |tail| tail.extend_from_slice(bytes));
    }

    /// Lets `write` append about `length` bytes.
    pub(crate) fn append_with(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.tail.capacity() == 0 {
            self.tail = buffer_pool::take(length);
        } else if self.tail.capacity() - self.tail.len() < length {
            // The written part is dropped, because the buffer could otherwise grow without limit if the peer never
            // quite catches up.
            self.drop_written();
            self.tail.reserve(length);
        }
        let before = self.tail.len();
        write(&mut self.tail);
        self.queued += self.tail.len() - before;
    }

    /// Appends bytes that are shared with other connections. If there are many bytes, they are not copied.
    pub(crate) fn share(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARE_FROM {
            return self.append(bytes);
        }
        self.seal_tail();
        self.segments.push_back(Segment::Shared(bytes.clone()));
        self.queued += bytes.len();
        self.shared += bytes.len();
    }

    /// Frees buffers that are mostly unused, and moves their unwritten bytes to buffers of the exact length. Call this
    /// function when the peer has stopped reading for a moment.
    pub(crate) fn release_memory(&mut self) {
        match self.segments.front_mut() {
            Some(front) if front.is_mostly_unused(front.len() - self.written) => {
                let owned = Segment::Owned(front[self.written..].to_vec());
                if let Segment::Shared(_) = front {
                    self.shared -= owned.len();
                }
                *front = owned;
                self.written = 0;
            }
            Some(_) => {}
            None => self.segments = VecDeque::new(),
        }
        let written = if self.segments.is_empty() { self.written } else { 0 };
        let waiting = &self.tail[written..];
        if is_mostly_unused(&self.tail, waiting.len()) {
            let waiting = waiting.to_vec();
            buffer_pool::put_back(std::mem::replace(&mut self.tail, waiting));
            self.written -= written;
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Owned(bytes) => bytes.capacity(),
            Segment::Shared(bytes) => bytes.len(),
        });
        self.tail.capacity() + segments.sum::<usize>()
    }

    /// Turns the bytes in `tail` into a segment, so that a shared segment can follow. If most of the buffer is unused,
    /// its bytes are copied, and `tail` keeps the buffer.
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
        self.segments.push_back(Segment::Owned(sealed));
    }

    fn advance_tail(&mut self, count: usize) {
        self.written += count;
        if self.written == self.tail.len() {
            buffer_pool::put_back(std::mem::take(&mut self.tail));
            self.written = 0;
        }
    }

    /// Drops the written bytes at the front of `tail`.
    fn drop_written(&mut self) {
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
