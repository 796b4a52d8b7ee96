//! How a connection ends.

use ws_host_protocol::{CloseCode, CloseFrame, ProtocolError};

use crate::clients::Cause;
use crate::guest::Disconnection;

/// The close frame carried no code (RFC 6455 §7.4.1); never sent.
const NO_STATUS: u16 = 1005;

/// No close frame came at all (RFC 6455 §7.4.1); never sent.
const ABNORMAL: u16 = 1006;

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionEnd {
    #[error("the client closed")]
    Closed(Option<CloseFrame>),
    #[error("{0}")]
    Failed(ProtocolError),
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
    #[error("the client left without a close frame")]
    EndOfStream,
    #[error("nothing came from the client for too long")]
    Silent,
    #[error("the client took less of its output than min-rate for too long")]
    Stalled,
    #[error("the client did not answer the close frame in time")]
    CloseTimeout,
    #[error("the connection was dropped without a close frame")]
    Aborted,
    #[error("the handler's acceptance could not be answered")]
    HandshakeFailed,
}

impl ConnectionEnd {
    /// Whether there may be output still to be written, and a peer who waits for it. One that has left
    /// has perhaps closed its side alone, and reads on.
    pub(super) fn allows_closing_handshake(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Failed(_) | Self::EndOfStream)
    }

    /// The end as the handler hears of it; `sent` is the code of our close frame, and `first` what ended the connection
    /// before this came of it.
    pub(crate) fn disconnection(
        &self,
        sent: Option<CloseCode>,
        first: Option<Cause>,
    ) -> Disconnection {
        let cause = first.unwrap_or(self.cause());
        let (code, reason) = match self {
            Self::Closed(Some(frame)) => (frame.code().number(), frame.reason().to_owned()),
            Self::Closed(None) => (NO_STATUS, String::new()),
            other => (ABNORMAL, other.to_string()),
        };
        let clean = matches!(self, Self::Closed(_));
        Disconnection { cause, code, reason, clean, sent: sent.map(CloseCode::number) }
    }

    /// What it shows if nothing else has ended the connection before.
    fn cause(&self) -> Cause {
        match self {
            Self::Closed(_) => Cause::Client,
            Self::Failed(
                ProtocolError::MessageTooLong { .. } | ProtocolError::TooManyFragments { .. },
            ) => Cause::TooLong,
            Self::Failed(_) => Cause::ProtocolError,
            // Only a close frame of ours has a timeout, and whoever sent that has said why.
            Self::Lost(_) | Self::EndOfStream | Self::CloseTimeout => Cause::Lost,
            Self::Silent => Cause::Silent,
            Self::Stalled => Cause::Slow,
            Self::Aborted => Cause::Handler,
            Self::HandshakeFailed => Cause::HandlerFailed,
        }
    }
}
