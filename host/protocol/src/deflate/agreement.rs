//! What both ends agreed on.

use super::{ContextTakeover, Direction, KeepWindow, Level, WindowBits};

/// permessage-deflate as a handshake has agreed on it (§7.1), seen from this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMessageDeflate {
    pub(crate) level: Level,
    pub(crate) threshold: usize,
    pub(crate) outgoing: Option<Direction>,
    pub(crate) incoming: Direction,
    pub(crate) keep_window: KeepWindow,
}

impl PerMessageDeflate {
    /// What this end compresses. `None` if it compresses nothing: the server limits a client's window
    /// to 8 bits, which our compressor cannot keep to.
    pub fn outgoing(&self) -> Option<Direction> {
        self.outgoing
    }

    /// What the peer compresses.
    pub fn incoming(&self) -> Direction {
        self.incoming
    }

    /// How much of what the peer compresses is kept between messages; `None` if nothing is.
    pub(crate) fn kept_window(&self) -> Option<WindowBits> {
        match (self.incoming.context, self.keep_window) {
            (ContextTakeover::Off, KeepWindow::Never) => None,
            (ContextTakeover::On, _) | (_, KeepWindow::Always) => Some(self.incoming.window),
        }
    }
}
