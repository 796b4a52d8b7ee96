//! Compression of outgoing messages.

use flate2::FlushCompress;

use super::pool::Compressor;
use super::{ContextTakeover, Direction, Level, PerMessageDeflate, TAIL, WindowBits};
use crate::Compression;
use crate::buffer_pool;

/// The output space reserved at a time, in bytes. For most messages, one reservation is enough.
const STEP: usize = 16 << 10;

/// The compressing side of a connection.
#[derive(Debug)]
pub(crate) struct Deflater {
    pub(crate) level: Level,
    pub(crate) direction: Direction,
    threshold: usize,
    /// With context takeover, the compressor of the connection. It is created for the first message, and its window has
    /// the same contents as the peer's.
    context: Option<Compressor>,
}

impl Deflater {
    /// Creates the compressing side, or returns `None` if this endpoint compresses nothing.
    pub(crate) fn new(agreed: &PerMessageDeflate) -> Option<Self> {
        let direction = agreed.outgoing?;
        Some(Self { level: agreed.level, direction, threshold: agreed.threshold, context: None })
    }

    /// Returns whether to compress a message of `length` bytes. An empty message would only grow.
    pub(crate) fn should_compress(&self, length: usize, compression: Compression) -> bool {
        match compression {
            Compression::Never => false,
            Compression::Always => length > 0,
            Compression::ByLength => length > 0 && length >= self.threshold,
        }
    }

    /// Returns the compressed message in a pooled buffer, or `None` if compression does not make the message shorter.
    ///
    /// With context takeover, the compressor is reset before `None` is returned. Otherwise its window would contain a
    /// message that the peer's window does not contain.
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

    /// Drops the context. The next message starts a new one. The peer need not know (§7.1.1).
    pub(crate) fn release_context(&mut self) {
        self.context = None;
    }
}

/// Returns the compressed form of a message, without references to earlier messages.
pub(crate) fn deflate_alone(message: &[u8], level: Level, window: WindowBits) -> Option<Vec<u8>> {
    let mut compressor = Compressor::take(level, window);
    let deflated = deflate(&mut compressor, message);
    compressor.put_back();
    deflated
}

/// Deflates a message, flushes, and removes the tail (§7.2.1).
fn deflate(compressor: &mut Compressor, message: &[u8]) -> Option<Vec<u8>> {
    // Output of this length is no shorter than the message, even without the tail. So there is no need for more room.
    let bound = message.len() + TAIL.len();
    let mut output = buffer_pool::take(STEP.min(bound + 1));
    let stream = &mut compressor.stream;
    let mut rest = message;
    loop {
        let before = stream.total_in();
        let is_ok = stream.compress_vec(rest, &mut output, FlushCompress::Sync).is_ok();
        rest = &rest[(stream.total_in() - before) as usize..];
        if !is_ok || output.len() >= bound {
            buffer_pool::put_back(output);
            return None;
        }
        // If the flush has left room in the output, it is complete.
        if rest.is_empty() && output.len() < output.capacity() {
            break;
        }
        output.reserve(STEP.min(bound + 1 - output.len()));
    }
    output.truncate(output.len() - TAIL.len());
    Some(output)
}
