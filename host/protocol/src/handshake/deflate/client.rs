//! A client makes an offer and checks the answer.

use super::parameters::{
    CLIENT_MAX_WINDOW_BITS, ClientWindow, NoContextTakeover, ParameterError, Parameters,
    SERVER_MAX_WINDOW_BITS, SERVER_NO_CONTEXT_TAKEOVER,
};
use crate::deflate::{ContextTakeover, Deflate, Direction, PerMessageDeflate, WindowBits};

impl Parameters {
    /// The offer of a client.
    pub(in crate::handshake) fn offer(settings: &Deflate) -> Self {
        let limit = |window: WindowBits| (window < WindowBits::MAX).then(|| window.bits());
        Self {
            server_no_context_takeover: NoContextTakeover::when(settings.incoming.context),
            client_no_context_takeover: NoContextTakeover::when(settings.outgoing.context),
            server_max_window_bits: limit(settings.incoming.window),
            // Without it the server could not limit our window (§7.1.2.2).
            client_max_window_bits: Some(
                limit(settings.outgoing.window).map_or(ClientWindow::Any, ClientWindow::Bits),
            ),
        }
    }

    /// What an answer to the offer means.
    ///
    /// # Errors
    ///
    /// What makes it no answer to the offer.
    pub(in crate::handshake) fn check(
        &self,
        settings: &Deflate,
    ) -> Result<PerMessageDeflate, ParameterError> {
        let incoming = self.checked_incoming(settings.incoming)?;
        let outgoing = self.checked_outgoing(settings.outgoing)?;
        let Deflate { level, threshold, keep_window, .. } = *settings;
        Ok(PerMessageDeflate { level, threshold, outgoing, incoming, keep_window })
    }

    /// What the server compresses.
    fn checked_incoming(&self, offered: Direction) -> Result<Direction, ParameterError> {
        // §7.1.1.1: the server accepts by saying the same.
        let context = match (self.server_no_context_takeover, offered.context) {
            (Some(NoContextTakeover), _) => ContextTakeover::Off,
            (None, ContextTakeover::On) => ContextTakeover::On,
            (None, ContextTakeover::Off) => {
                return Err(ParameterError::NotGranted(SERVER_NO_CONTEXT_TAKEOVER));
            }
        };
        // §7.1.2.1: with the same or a lower limit. It may limit itself without being asked.
        let limit = offered.window.bits();
        match self.server_max_window_bits {
            Some(bits) if bits <= limit => {
                Ok(Direction { context, window: WindowBits::at_least(bits) })
            }
            Some(_) => Err(ParameterError::Value(SERVER_MAX_WINDOW_BITS)),
            None if offered.window == WindowBits::MAX => {
                Ok(Direction { context, window: WindowBits::MAX })
            }
            None => Err(ParameterError::NotGranted(SERVER_MAX_WINDOW_BITS)),
        }
    }

    /// What this client compresses, if its compressor can keep to the server's limit.
    fn checked_outgoing(&self, offered: Direction) -> Result<Option<Direction>, ParameterError> {
        let context = match self.client_no_context_takeover {
            Some(NoContextTakeover) => ContextTakeover::Off,
            None => offered.context,
        };
        let window = match self.client_max_window_bits {
            None => Some(offered.window),
            // §7.1.2.2: in an answer it has a value.
            Some(ClientWindow::Any) => {
                return Err(ParameterError::Value(CLIENT_MAX_WINDOW_BITS));
            }
            Some(ClientWindow::Bits(bits)) => {
                WindowBits::new(bits).ok().map(|window| window.min(offered.window))
            }
        };
        Ok(window.map(|window| Direction { context, window }))
    }
}
