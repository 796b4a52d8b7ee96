//! The end of a connection.

use ws_host_protocol::{CloseCode, CloseFrame, ProtocolError};

use crate::clients::Cause;
use crate::guest::Disconnection;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionEnd {
    #[error("the client closed the connection")]
    Closed(Option<CloseFrame>),
    #[error("{0}")]
    Failed(ProtocolError),
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
    #[error("the client left without a close frame")]
    EndOfStream,
    #[error("nothing came from the client for too long")]
    Silent,
    #[error("the client read more slowly than min-rate for too long")]
    Stalled,
    #[error("the client did not answer the close frame in time")]
    CloseTimeout,
    #[error("the connection was dropped without a close frame")]
    Aborted,
    #[error("the connection was not opened: {0}")]
    NotOpened(String),
    #[error("the handler accepted the client with an invalid response")]
    InvalidAcceptance,
}

impl ConnectionEnd {
    /// Returns whether there may be unsent output that the peer can still read. If the peer's stream has ended, the
    /// peer may have closed only its own side, so it may still read.
    pub(super) fn allows_closing_handshake(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Failed(_) | Self::EndOfStream)
    }

    /// Returns how the connection ended, in the form that `disconnected` reports. `sent` is the code of the close frame that the host
    /// sent. `first` is an earlier cause, if there is one.
    pub(crate) fn disconnection(
        &self,
        sent: Option<CloseCode>,
        first: Option<Cause>,
    ) -> Disconnection {
        let cause = first.unwrap_or(self.cause());
        let (code, reason) = match self {
            Self::Closed(frame) => CloseFrame::code_and_reason(frame.as_ref()),
            other => (CloseCode::ABNORMAL, other.to_string()),
        };
        let clean = matches!(self, Self::Closed(_));
        Disconnection { cause, code, reason, clean, sent_code: sent.map(CloseCode::number) }
    }

    /// Returns why the connection ended. An earlier cause, if there is one, takes precedence over this one.
    fn cause(&self) -> Cause {
        match self {
            Self::Closed(_) => Cause::Client,
            Self::Failed(
                ProtocolError::MessageTooLong { .. } | ProtocolError::TooManyFragments { .. },
            ) => Cause::TooLong,
            Self::Failed(_) => Cause::ProtocolError,
            // Only the host's own close frame has a timeout, and the code that sent that frame has already set the
            // cause.
            Self::Lost(_) | Self::EndOfStream | Self::CloseTimeout => Cause::Lost,
            Self::NotOpened(_) => Cause::NotOpened,
            Self::Silent => Cause::Silent,
            Self::Stalled => Cause::Slow,
            Self::Aborted => Cause::Handler,
            Self::InvalidAcceptance => Cause::HandlerFailed,
        }
    }
}
