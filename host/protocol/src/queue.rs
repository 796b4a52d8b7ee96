//! Octets that wait to be written, some of them shared with other connections.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use crate::spare;

/// Below this length a shared frame is copied: cheaper than a segment of its own in the queue.
const SHARE_FROM: usize = 4096;

/// A queue without a bound of its own: who fills it holds it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Written before `tail`.
    segments: VecDeque<Bytes>,
    /// Lent by the thread, and given back when nothing waits.
    tail: Vec<u8>,
    /// How much of `tail` has been written.
    written: usize,
    queued: usize,
}

impl Queue {
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
        self.segments.push_back(octets.clone());
        self.queued += octets.len();
    }

    /// Gives a buffer back that holds little, and keeps that little in one of its length.
    ///
    /// Little is less than an eighth of it, and of a long one no more than a short one holds: so what is
    /// copied, each time the peer takes nothing for a moment, is far less than what was written in between.
    pub(crate) fn release_memory(&mut self) {
        let waiting = &self.tail[self.written..];
        if waiting.len() < (self.tail.capacity() / 8).min(spare::SHORT) {
            let waiting = waiting.to_vec();
            spare::put_back(std::mem::replace(&mut self.tail, waiting));
            self.written = 0;
        }
        if self.segments.is_empty() {
            self.segments = VecDeque::new();
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.tail.capacity() + self.segments.iter().map(Bytes::len).sum::<usize>()
    }

    /// Makes what stands in `tail` a segment, so that a shared one can follow it.
    fn seal_tail(&mut self) {
        let mut tail = Bytes::from(std::mem::take(&mut self.tail));
        tail.advance(std::mem::take(&mut self.written));
        if !tail.is_empty() {
            self.segments.push_back(tail);
        }
    }

    fn advance_tail(&mut self, count: usize) {
        self.written += count;
        if self.written == self.tail.len() {
            spare::put_back(std::mem::take(&mut self.tail));
            self.written = 0;
        }
    }

    fn forget_written(&mut self) {
        self.tail.drain(..self.written);
        self.written = 0;
    }
}

impl Buf for Queue {
    fn remaining(&self) -> usize {
        self.queued
    }

    fn chunk(&self) -> &[u8] {
        self.segments.front().map_or(&self.tail[self.written..], |segment| segment)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let tail = std::iter::once(&self.tail[self.written..]).filter(|tail| !tail.is_empty());
        let chunks = self.segments.iter().map(|segment| &segment[..]).chain(tail);
        let mut filled = 0;
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            *slice = std::io::IoSlice::new(chunk);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.queued, "advanced by more than the buffer holds");
        self.queued -= count;
        while let Some(segment) = self.segments.front_mut() {
            if count < segment.len() {
                segment.advance(count);
                return;
            }
            count -= segment.len();
            self.segments.pop_front();
        }
        self.advance_tail(count);
    }
}
