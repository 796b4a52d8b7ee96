//! Limits on what a peer may send (RFC 6455 §10.4).

/// Limits on the messages that an endpoint accepts from its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum length of a message, in bytes of payload over all its fragments. A longer message fails the
    /// connection with 1009.
    ///
    /// For a compressed message, the inflated length counts. Inflating stops at the limit.
    pub max_message: usize,
    /// The maximum number of frames of one message, including empty ones. A message with more frames fails the
    /// connection with 1008.
    pub max_fragments: u32,
}

impl Limits {
    /// Returns limits with this `max_message`, in bytes, and the defaults for everything else.
    pub fn new(max_message: usize) -> Self {
        Self { max_message, ..Self::default() }
    }

    /// Returns the maximum length of a compressed message, in bytes as received. These bytes are not kept, but their
    /// number still needs a limit. The limit is a little more than twice the maximum inflated length. No sender needs
    /// more: a compressor with fixed codes can make data longer by an eighth, and a flush between fragments adds some
    /// bytes to each fragment.
    pub(crate) fn max_deflated(&self) -> usize {
        self.max_message.saturating_mul(2).saturating_add(1024)
    }
}

impl Default for Limits {
    /// Returns the defaults. 1 MiB is ample for text, and leaves memory for thousands of clients. The number of
    /// fragments is twice the 65,536 fragments of the longest message in the Autobahn TestSuite.
    fn default() -> Self {
        Self { max_message: 1 << 20, max_fragments: 1 << 17 }
    }
}
