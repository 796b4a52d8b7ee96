//! How much of a peer's is accepted (RFC 6455 §10.4).

/// What an endpoint accepts from its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest message, in octets of payload, however it is fragmented. Longer: 1009.
    ///
    /// Of a compressed message that is what it inflates to, and inflating stops there.
    pub max_message: usize,
    /// The most frames of one message, empty ones too. More: 1008.
    pub max_fragments: u32,
}

impl Limits {
    /// Messages of at most so many octets, and the default of everything else.
    pub fn new(max_message: usize) -> Self {
        Self { max_message, ..Self::default() }
    }

    /// The longest compressed message, in octets as they come. Nothing of them is kept, but there must
    /// be an end. Compressors with fixed codes make data longer by an eighth, and flushing between
    /// fragments adds some octets to each: twice as long is more than any sender needs.
    pub(crate) fn max_deflated(&self) -> usize {
        self.max_message.saturating_mul(2).saturating_add(1024)
    }
}

impl Default for Limits {
    /// 1 MiB, which is ample for text and leaves thousands of clients room in memory, and twice
    /// the 65,536 fragments of the longest message in the Autobahn TestSuite.
    fn default() -> Self {
        Self { max_message: 1 << 20, max_fragments: 1 << 17 }
    }
}
