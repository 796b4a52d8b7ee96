//! Settings of permessage-deflate.

/// This endpoint's settings for permessage-deflate. If the peer asks for less, the negotiation settles on what both
/// endpoints support.
///
/// By default, there is no context takeover, so an idle connection costs no memory. The windows have the maximum size.
/// To change a setting, assign its field: `deflate.threshold = 1024`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// The compression level.
    pub level: Level,
    /// By default, messages of at least this many bytes are compressed.
    pub threshold: usize,
    /// The messages that this endpoint compresses.
    pub outgoing: Direction,
    /// The messages that the peer compresses.
    ///
    /// A server cannot limit the window of a client that does not offer `client_max_window_bits` (§7.1.2.2). For such a
    /// client, the server disables context takeover, so that the wide window costs no memory.
    pub incoming: Direction,
    /// Whether to keep the peer's window even without context takeover.
    pub keep_window: KeepWindow,
}

/// Whether to keep the window of a peer that must not refer to earlier messages (§7.1.1).
///
/// Some clients ignore `client_no_context_takeover` and refer to their earlier messages anyway. Their messages can be
/// inflated only if the window is kept. The kept window takes as much memory per connection as [`ContextTakeover::On`]
/// does in that direction.
///
/// Exhaustive: the window is either kept or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepWindow {
    /// Behave as the RFC requires: keep nothing. A reference to an earlier message fails the connection.
    #[default]
    Never,
    /// Keep the window, so that references to earlier messages work.
    Always,
}

/// The settings of one direction of a connection. RFC 7692 §7.1 has these two parameters and no third.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Whether a message may refer to earlier messages.
    pub context: ContextTakeover,
    /// How far back a reference may reach.
    pub window: WindowBits,
}

/// Whether a message is compressed with the window contents that earlier messages left (§7.1.1).
///
/// Exhaustive: the parameter of the RFC is either present or absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContextTakeover {
    /// Each message is compressed independently: `server_no_context_takeover`, `client_no_context_takeover`.
    #[default]
    Off,
    /// Messages refer to earlier messages. Short messages that resemble each other become much shorter, but each
    /// connection keeps memory for its context.
    On,
}

/// The size of a direction's LZ77 window, as the binary logarithm of the number of bytes (§7.1.2): from 9, which is 512
/// bytes, to 15, which is 32 KiB. See [`deflate`](crate::deflate#memory) for how much memory each size costs.
///
/// The RFC also allows 8, but no compressor of the zlib family can produce a raw stream with so small a window. So 8 is
/// accepted in a handshake only where this endpoint does not have to compress with it. See
/// [`Upgrade::accept_deflate`](crate::handshake::server::Upgrade::accept_deflate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

/// The error for a window size that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the compression window has {0} bits; it must have 9 to 15")]
pub struct InvalidWindowBits(pub u8);

/// A compression level, from 1 (fastest) to 9 (smallest output).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

/// The error for a compression level that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the compression level is {0}; it must be from 1 to 9")]
pub struct InvalidLevel(pub u8);

impl Deflate {
    /// Returns settings with context takeover and the widest windows in both directions. Messages of at least 64 bytes
    /// are compressed.
    pub fn with_context_takeover() -> Self {
        let direction = Direction { context: ContextTakeover::On, window: WindowBits::MAX };
        // With a context, similar messages of this length or more become shorter. Without a context, few messages of
        // this length become shorter.
        Self { threshold: 64, outgoing: direction, incoming: direction, ..Self::default() }
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            level: Level::default(),
            // A JSON chat message of 256 bytes becomes 150 bytes, and one of 128 bytes becomes 103. One of 64 bytes
            // does not become shorter. The compressor takes the same time for each of them.
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

    /// Creates a window of 2^`bits` bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidWindowBits`] if `bits` is not 9 to 15.
    pub fn new(bits: u8) -> Result<Self, InvalidWindowBits> {
        let window = Self(bits);
        if (Self::MIN..=Self::MAX).contains(&window) {
            Ok(window)
        } else {
            Err(InvalidWindowBits(bits))
        }
    }

    /// Returns the binary logarithm of the size.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the size in bytes.
    pub fn bytes(self) -> usize {
        1 << self.0
    }

    /// Returns the narrowest window that can inflate data compressed with a window of 2^`bits` bytes. `bits` may be 8.
    pub(crate) fn at_least(bits: u8) -> Self {
        Self(bits).clamp(Self::MIN, Self::MAX)
    }
}

impl Default for WindowBits {
    /// Returns the widest window.
    fn default() -> Self {
        Self::MAX
    }
}

impl Level {
    /// Creates a level.
    ///
    /// # Errors
    ///
    /// [`InvalidLevel`] if `level` is not 1 to 9.
    pub fn new(level: u8) -> Result<Self, InvalidLevel> {
        if (1..=9).contains(&level) { Ok(Self(level)) } else { Err(InvalidLevel(level)) }
    }

    /// Returns the level as a number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl Default for Level {
    /// Returns level 3. With it, JSON chat messages of up to 1 KiB become as short as with level 6. A text of 64 KiB
    /// becomes 14 KiB instead of 11 KiB, in a sixth of the time. Speed matters, because the sender waits for the
    /// compressor.
    fn default() -> Self {
        Self(3)
    }
}
