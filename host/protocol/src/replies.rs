//! Automatic replies of the protocol.

use crate::close::CloseFrame;
use crate::error::ProtocolError;
use crate::outbound::Outbound;

/// The receiver of the replies that [`Inbound`](crate::Inbound) makes on its own, without the application.
///
/// [`Outbound`] implements this trait. Implement the trait yourself if you queue frames in another way.
pub trait Replies {
    /// Returns whether this endpoint's close frame has been queued. Messages that are received from then on are
    /// discarded.
    fn is_closing(&self) -> bool;

    /// Answers a ping with a pong that has the same application data, at most 125 bytes (RFC 6455 §5.5.2).
    fn pong(&mut self, payload: &[u8]);

    /// Answers the peer's close frame with a close frame that has the same code, unless this endpoint's close frame has
    /// already been queued (§5.5.1).
    fn close(&mut self, frame: Option<&CloseFrame>);

    /// Answers a protocol error with a close frame that describes it, unless this endpoint's close frame has already
    /// been queued (§7.1.7).
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
        // This fails only if this endpoint's close frame has already been queued. In that case, no answer is due.
        let _ = Outbound::close(self, frame);
    }
}
