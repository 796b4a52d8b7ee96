//! The client side: making an offer and checking the response.

use super::parameters::{
    CLIENT_MAX_WINDOW_BITS, ClientWindow, NoContextTakeover, ParameterError, Parameters,
    SERVER_MAX_WINDOW_BITS, SERVER_NO_CONTEXT_TAKEOVER,
};
use crate::deflate::{ContextTakeover, Deflate, Direction, PerMessageDeflate, WindowBits};

impl Parameters {
    /// Returns a client's offer.
    pub(in crate::handshake) fn offer(settings: &Deflate) -> Self {
        let limit = |window: WindowBits| (window < WindowBits::MAX).then(|| window.bits());
        Self {
            server_no_context_takeover: NoContextTakeover::when(settings.incoming.context),
            client_no_context_takeover: NoContextTakeover::when(settings.outgoing.context),
            server_max_window_bits: limit(settings.incoming.window),
            // Without this parameter, the server could not limit this client's window (§7.1.2.2).
            client_max_window_bits: Some(
                limit(settings.outgoing.window).map_or(ClientWindow::Any, ClientWindow::Bits),
            ),
        }
    }

    /// Checks the response to the offer made with these settings. Returns the negotiated parameters.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] if the response does not match the offer.
    pub(in crate::handshake) fn check(
        &self,
        settings: &Deflate,
    ) -> Result<PerMessageDeflate, ParameterError> {
        let incoming = self.checked_incoming(settings.incoming)?;
        let outgoing = self.checked_outgoing(settings.outgoing)?;
        let Deflate { level, threshold, keep_window, .. } = *settings;
        Ok(PerMessageDeflate { level, threshold, outgoing, incoming, keep_window })
    }

    /// Checks the parameters of the messages that the server compresses.
    fn checked_incoming(&self, offered: Direction) -> Result<Direction, ParameterError> {
        // §7.1.1.1: the server accepts by repeating the parameter.
        let context = match (self.server_no_context_takeover, offered.context) {
            (Some(NoContextTakeover), _) => ContextTakeover::Off,
            (None, ContextTakeover::On) => ContextTakeover::On,
            (None, ContextTakeover::Off) => {
                return Err(ParameterError::NotGranted(SERVER_NO_CONTEXT_TAKEOVER));
            }
        };
        // §7.1.2.1: the server accepts with the same or a lower limit. It may also limit itself without being asked.
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

    /// Checks the parameters of the messages that this client compresses. Returns `None` if this client's compressor
    /// does not support the server's limit.
    fn checked_outgoing(&self, offered: Direction) -> Result<Option<Direction>, ParameterError> {
        let context = match self.client_no_context_takeover {
            Some(NoContextTakeover) => ContextTakeover::Off,
            None => offered.context,
        };
        let window = match self.client_max_window_bits {
            None => Some(offered.window),
            // §7.1.2.2: in a response the parameter has a value.
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
