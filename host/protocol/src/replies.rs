//! What the protocol answers by itself.

use crate::close::CloseFrame;
use crate::error::ProtocolError;
use crate::outbound::Outbound;

/// Where [`Inbound`](crate::Inbound) puts what the protocol answers by itself, whatever the application does.
///
/// [`Outbound`] is such a place. Another one is for who queues frames in a way of its own.
pub trait Replies {
    /// Whether messages that come now are of no interest, because our close frame has been queued.
    fn is_closing(&self) -> bool;

    /// The peer sent a ping: a pong with the same application data, of at most 125 octets (RFC 6455 §5.5.2).
    fn pong(&mut self, payload: &[u8]);

    /// The peer sent a close frame: one with the same code, unless ours went out before (§5.5.1).
    fn close(&mut self, frame: Option<&CloseFrame>);

    /// The peer broke the protocol: a close frame that says so, unless ours went out before (§7.1.7).
    fn fail(&mut self, error: ProtocolError) {
        self.close(Some(&CloseFrame::with_reason(error.close_code(), error.to_string())));
    }
}

impl Replies for Outbound {
    fn is_closing(&self) -> bool {
        Outbound::is_closing(self)
    }

    fn pong(&mut self, payload: &[u8]) {
        self.answer_ping(payload);
    }

    fn close(&mut self, frame: Option<&CloseFrame>) {
        // Fails only if our own close frame went out before; then there is nothing to answer.
        let _ = Outbound::close(self, frame);
    }
}
