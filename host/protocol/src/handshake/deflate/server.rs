//! The server side: accepting an offer.

use super::parameters::{ClientWindow, NoContextTakeover, Parameters};
use crate::deflate::{ContextTakeover, Deflate, Direction, PerMessageDeflate, WindowBits};

impl Parameters {
    /// Returns the response to an offer and the negotiated parameters, or `None` if the offer cannot be fulfilled.
    pub(in crate::handshake) fn accept(
        &self,
        settings: &Deflate,
    ) -> Option<(Self, PerMessageDeflate)> {
        let (outgoing, server_max_window_bits) = self.outgoing(settings.outgoing)?;
        let (incoming, client_max_window_bits) = self.incoming(settings.incoming);
        let answer = Self {
            server_no_context_takeover: NoContextTakeover::when(outgoing.context),
            client_no_context_takeover: NoContextTakeover::when(incoming.context),
            server_max_window_bits,
            client_max_window_bits,
        };
        let Deflate { level, threshold, keep_window, .. } = *settings;
        let outgoing = Some(outgoing);
        Some((answer, PerMessageDeflate { level, threshold, outgoing, incoming, keep_window }))
    }

    /// Negotiates the parameters of the messages that the server compresses.
    fn outgoing(&self, wanted: Direction) -> Option<(Direction, Option<u8>)> {
        let context = match self.server_no_context_takeover {
            Some(NoContextTakeover) => ContextTakeover::Off,
            None => wanted.context,
        };
        // §7.1.2.1: the server accepts a limit by responding with the same or a lower one. Without a limit in the
        // offer, the response needs none.
        match self.server_max_window_bits {
            None => Some((Direction { context, window: wanted.window }, None)),
            Some(bits) => {
                let window = WindowBits::new(bits).ok()?.min(wanted.window);
                Some((Direction { context, window }, Some(window.bits())))
            }
        }
    }

    /// Negotiates the parameters of the messages that the client compresses.
    fn incoming(&self, wanted: Direction) -> (Direction, Option<ClientWindow>) {
        // §7.1.2.2: the server may send a limit only if the client offers this parameter.
        let bits = match self.client_max_window_bits {
            None => None,
            Some(ClientWindow::Any) if wanted.window == WindowBits::MAX => None,
            Some(ClientWindow::Any) => Some(wanted.window.bits()),
            Some(ClientWindow::Bits(bits)) => Some(bits.min(wanted.window.bits())),
        };
        let window = bits.map_or(WindowBits::MAX, WindowBits::at_least);
        let context = match self.client_no_context_takeover {
            None if window <= wanted.window => wanted.context,
            // The client turns context takeover off, or its window is wider than wanted and so must not be kept.
            _ => ContextTakeover::Off,
        };
        (Direction { context, window }, bits.map(ClientWindow::Bits))
    }
}
