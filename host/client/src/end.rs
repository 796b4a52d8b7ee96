//! The end of a connection.

use ws_host_protocol::{CloseCode, CloseFrame, ProtocolError};

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// The code of the server's close frame. 1005 if the frame has no code, 1006 if no close frame arrived.
    pub code: u16,
    /// The reason in the server's close frame. With 1006, a description of what happened.
    pub reason: String,
    /// Whether both ends have sent a close frame.
    pub clean: bool,
    /// The code of the close frame that this end queued. `None` if it queued no close frame, or one without a code.
    pub sent: Option<u16>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndCause {
    #[error("the server closed")]
    Closed(Option<CloseFrame>),
    #[error("{0}")]
    Failed(ProtocolError),
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
    #[error("the server left without a close frame")]
    EndOfStream,
    #[error("the server did not answer the close frame in time")]
    CloseTimeout,
    #[error("the runtime was shut down")]
    RuntimeShutDown,
}

impl EndCause {
    pub(crate) fn end(&self, sent: Option<CloseCode>) -> End {
        let sent = sent.map(CloseCode::number);
        let (code, reason) = match self {
            Self::Closed(frame) => CloseFrame::code_and_reason(frame.as_ref()),
            other => return End { sent, ..End::abnormal(other.to_string()) },
        };
        End { code, reason, clean: true, sent }
    }
}

impl End {
    /// Describes an end without a close frame from the server.
    pub(crate) fn abnormal(reason: String) -> Self {
        Self { code: CloseCode::ABNORMAL, reason, clean: false, sent: None }
    }
}
