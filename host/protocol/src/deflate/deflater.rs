//! Messages of this end, compressed.

use flate2::FlushCompress;

use super::pool::Compressor;
use super::{ContextTakeover, Direction, Level, PerMessageDeflate, TAIL, WindowBits};
use crate::Compression;
use crate::spare;

/// How much room is made for output at a time, in octets. Most messages need it once.
const STEP: usize = 16 << 10;

/// The compressing side of a connection.
#[derive(Debug)]
pub(crate) struct Deflater {
    pub(crate) level: Level,
    pub(crate) direction: Direction,
    threshold: usize,
    /// With context takeover, from the first message on: knows what the peer's window holds.
    context: Option<Compressor>,
}

impl Deflater {
    /// `None` if this end compresses nothing.
    pub(crate) fn new(agreed: &PerMessageDeflate) -> Option<Self> {
        let direction = agreed.outgoing?;
        Some(Self { level: agreed.level, direction, threshold: agreed.threshold, context: None })
    }

    /// Whether a message of so many octets is compressed. An empty one only grows.
    pub(crate) fn applies(&self, length: usize, compression: Compression) -> bool {
        match compression {
            Compression::Never => false,
            Compression::Always => length > 0,
            Compression::ByLength => length > 0 && length >= self.threshold,
        }
    }

    /// The compressed form, in a buffer of the thread's; `None` if it is not shorter than the message.
    ///
    /// With context takeover that makes the compressor forget all: its window would hold a message
    /// that the peer's does not.
    pub(crate) fn deflate(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let (level, window) = (self.level, self.direction.window);
        match self.direction.context {
            ContextTakeover::Off => deflate_alone(message, level, window),
            ContextTakeover::On => {
                let context = self.context.get_or_insert_with(|| Compressor::new(level, window));
                let deflated = deflate(context, message);
                if deflated.is_none() {
                    context.stream.reset();
                }
                deflated
            }
        }
    }

    /// Drops the context, which the next message begins anew: no peer needs to know (§7.1.1).
    pub(crate) fn release_context(&mut self) {
        self.context = None;
    }
}

/// The compressed form of a message that refers to nothing before it.
pub(crate) fn deflate_alone(message: &[u8], level: Level, window: WindowBits) -> Option<Vec<u8>> {
    let mut compressor = Compressor::lent(level, window);
    let deflated = deflate(&mut compressor, message);
    compressor.give_back();
    deflated
}

/// §7.2.1: deflate, flush, and take the tail away.
fn deflate(compressor: &mut Compressor, message: &[u8]) -> Option<Vec<u8>> {
    // The first length that is no gain.
    let bound = message.len() + TAIL.len();
    let mut output = spare::take(STEP.min(bound + 1));
    let stream = &mut compressor.stream;
    let mut rest = message;
    loop {
        let before = stream.total_in();
        let is_right = stream.compress_vec(rest, &mut output, FlushCompress::Sync).is_ok();
        rest = &rest[(stream.total_in() - before) as usize..];
        if !is_right || output.len() >= bound {
            spare::put_back(output);
            return None;
        }
        // A flush is complete when it has left room.
        if rest.is_empty() && output.len() < output.capacity() {
            break;
        }
        output.reserve(STEP.min(bound + 1 - output.len()));
    }
    output.truncate(output.len() - TAIL.len());
    Some(output)
}
