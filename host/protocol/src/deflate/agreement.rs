//! The result of the negotiation.

use super::{ContextTakeover, Direction, KeepWindow, Level, WindowBits};

/// permessage-deflate as negotiated by a handshake (§7.1), seen from this endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMessageDeflate {
    pub(crate) level: Level,
    pub(crate) threshold: usize,
    pub(crate) outgoing: Option<Direction>,
    pub(crate) incoming: Direction,
    pub(crate) keep_window: KeepWindow,
}

impl PerMessageDeflate {
    /// Returns the compression parameters for messages to the peer. Returns `None` if this endpoint compresses nothing.
    /// This is the case on a client whose window the server limits to 8 bits, because the compressor does not support
    /// such a window.
    pub fn outgoing(&self) -> Option<Direction> {
        self.outgoing
    }

    /// Returns the compression parameters for messages from the peer.
    pub fn incoming(&self) -> Direction {
        self.incoming
    }

    /// Returns the size of the window that is kept between the peer's messages, or `None` if no window is kept.
    pub(crate) fn kept_window(&self) -> Option<WindowBits> {
        match (self.incoming.context, self.keep_window) {
            (ContextTakeover::Off, KeepWindow::Never) => None,
            (ContextTakeover::On, _) | (_, KeepWindow::Always) => Some(self.incoming.window),
        }
    }
}
