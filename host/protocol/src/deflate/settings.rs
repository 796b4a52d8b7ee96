//! What an end wants of permessage-deflate.

/// What this end wants of permessage-deflate. The peer may want less, and is given what both want.
///
/// The default takes over no context, so that an idle connection costs nothing; the windows are the
/// widest. A setting is changed in one that is made: `deflate.threshold = 1024`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// How hard the compressor tries.
    pub level: Level,
    /// Shorter messages are sent uncompressed, unless they ask to be compressed; in octets.
    pub threshold: usize,
    /// What this end compresses.
    pub outgoing: Direction,
    /// What the peer compresses.
    ///
    /// A server cannot limit the window of a client that does not offer `client_max_window_bits`
    /// (§7.1.2.2). It then asks that client not to take over its context, so that the wide window costs
    /// nothing.
    pub incoming: Direction,
    /// What is kept of messages that nothing may refer to.
    pub keep_window: KeepWindow,
}

/// Whether the window of a peer is kept that has been told to refer to no earlier message (§7.1.1).
///
/// Some clients take no notice of `client_no_context_takeover` and refer to their earlier messages all the
/// same. Whoever keeps the window understands them. It takes as much memory of each connection as
/// [`ContextTakeover::On`] does in that direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepWindow {
    /// As the RFC has it: a reference to an earlier message fails the connection, and nothing is kept.
    #[default]
    Never,
    /// A reference to an earlier message is understood.
    Always,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Whether a message may refer to those before it.
    pub context: ContextTakeover,
    /// How far back it may refer.
    pub window: WindowBits,
}

/// §7.1.1: whether a message is compressed with what the messages before it have left in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContextTakeover {
    /// Every message stands alone: `server_no_context_takeover`, `client_no_context_takeover`.
    #[default]
    Off,
    /// Messages refer to earlier ones. Short messages that resemble each other become much shorter;
    /// each connection holds memory for it.
    On,
}

/// The LZ77 window of a direction, as the binary logarithm of its octets (§7.1.2): from 9, which is
/// 512 octets, to 15, which is 32 KiB. What it costs stands in [`deflate`](crate::deflate#memory).
///
/// The RFC knows 8 as well. No compressor of the zlib family can make a raw stream of that window, so
/// that it is understood on the wire where it asks nothing of our compressor: see
/// [`Upgrade::accept_deflate`](crate::handshake::server::Upgrade::accept_deflate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

/// A window that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window of {0} bits; 9 to 15 are possible")]
pub struct InvalidWindowBits(pub u8);

/// How hard a compressor tries: from 1, the fastest, to 9, the smallest output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

/// A level that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a compression level of {0}; 1 to 9 are possible")]
pub struct InvalidLevel(pub u8);

impl Deflate {
    /// Both directions take over their context, with the widest windows; from 64 octets on messages are
    /// compressed.
    pub fn with_context_takeover() -> Self {
        let direction = Direction { context: ContextTakeover::On, window: WindowBits::MAX };
        // From that length on messages alike become shorter; without a context few do.
        Self { threshold: 64, outgoing: direction, incoming: direction, ..Self::default() }
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            level: Level::default(),
            // A chat message in JSON of 256 octets becomes 150, one of 128 becomes 103, one of 64 does
            // not become shorter; each costs the compressor the same.
            threshold: 256,
            outgoing: Direction::default(),
            incoming: Direction::default(),
            keep_window: KeepWindow::default(),
        }
    }
}

impl WindowBits {
    /// The narrowest window.
    pub const MIN: Self = Self(9);
    /// The widest window.
    pub const MAX: Self = Self(15);

    /// A window of so many bits.
    ///
    /// # Errors
    ///
    /// [`InvalidWindowBits`] if they are not 9 to 15.
    pub fn new(bits: u8) -> Result<Self, InvalidWindowBits> {
        let window = Self(bits);
        if (Self::MIN..=Self::MAX).contains(&window) {
            Ok(window)
        } else {
            Err(InvalidWindowBits(bits))
        }
    }

    /// The bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The octets.
    pub fn octets(self) -> usize {
        1 << self.0
    }

    /// The narrowest window that holds one of these bits, which may be 8, for what is inflated.
    pub(crate) fn at_least(bits: u8) -> Self {
        Self(bits).clamp(Self::MIN, Self::MAX)
    }
}

impl Default for WindowBits {
    /// The widest.
    fn default() -> Self {
        Self::MAX
    }
}

impl Level {
    /// A level.
    ///
    /// # Errors
    ///
    /// [`InvalidLevel`] if it is not 1 to 9.
    pub fn new(level: u8) -> Result<Self, InvalidLevel> {
        if (1..=9).contains(&level) { Ok(Self(level)) } else { Err(InvalidLevel(level)) }
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl Default for Level {
    /// 3: chat messages in JSON become as short as with 6, up to 1 KiB; 64 KiB of text become 14 KiB
    /// instead of 11 KiB, in a sixth of the time. Whoever sends waits for it.
    fn default() -> Self {
        Self(3)
    }
}
