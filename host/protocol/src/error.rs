//! Protocol errors of the peer, and send errors of the caller.

use crate::close_code::{CloseCode, CloseCodeError};

/// A mistake by the peer. It fails the connection (RFC 6455 §7.1.7) with the close code that
/// [`close_code`](Self::close_code) returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// §5.1: a client must mask every frame.
    #[error("a frame from the client is not masked")]
    UnmaskedFrame,
    /// §5.1: a server must not mask.
    #[error("a frame from the server is masked")]
    MaskedFrame,
    /// §5.2: no negotiated extension defines these bits.
    #[error("reserved bits {0:#05b} are set, but no negotiated extension uses them")]
    ReservedBits(u8),
    /// §5.2: opcodes 3–7 and 11–15 are reserved.
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// §5.2: a length must be encoded in the fewest bytes.
    #[error("a payload length is not in its shortest form")]
    LengthNotMinimal,
    /// §5.2: the most significant bit of a 64-bit length must be 0.
    #[error("a 64-bit payload length has its most significant bit set")]
    LengthOverflow,
    /// §5.5: control frames must not be fragmented.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// §5.5: control frames carry 125 bytes or less.
    #[error("a control frame declares {0} bytes; at most 125 are allowed")]
    ControlTooLong(u64),
    /// §5.4: a continuation frame arrived outside a fragmented message.
    #[error("a continuation frame arrived without a message to continue")]
    UnexpectedContinuation,
    /// §5.4: a new message began inside a fragmented message.
    #[error("a message began before the previous fragmented message ended")]
    ExpectedContinuation,
    /// §5.5.1: the payload of a close frame must be empty or begin with a code of two bytes.
    #[error("a close frame has a payload of one byte")]
    ClosePayloadTooShort,
    /// §7.4: a close code that must not be sent.
    #[error(transparent)]
    CloseCode(#[from] CloseCodeError),
    /// §8.1: a text message or a close reason is not UTF-8.
    #[error("text is not valid UTF-8")]
    InvalidUtf8,
    /// RFC 7692 §7.2.2: a compressed message is not valid DEFLATE (RFC 1951), or ends inside a block.
    #[error("a compressed message is malformed or truncated")]
    InvalidDeflate,
    /// RFC 7692 §7.1.1: the negotiated parameter requires that every compressed message can be inflated on its own.
    /// This message is not the first one and cannot be inflated. In all likelihood, it refers to an earlier message.
    #[error(
        "a compressed message is malformed or refers to an earlier one, which the negotiated {0} \
         forbids"
    )]
    EarlierMessage(&'static str),
    /// Draft 00: the frame has a type that is followed by a length, so it is not a text frame.
    #[error("a frame has type {0:#04x}, but draft 00 only has text frames and the closing frame")]
    DraftFrameType(u8),
    /// §10.4: a message is longer than this endpoint accepts.
    #[error("a message exceeds the limit of {limit} bytes")]
    MessageTooLong {
        /// The limit, in bytes of payload.
        limit: usize,
    },
    /// §10.4: a message has more fragments than this endpoint accepts.
    #[error("a message exceeds the limit of {limit} fragments")]
    TooManyFragments {
        /// The limit, in frames.
        limit: u32,
    },
}

impl ProtocolError {
    /// Returns the code of the close frame that answers this error (RFC 6455 §7.4.1). Draft 00 sends no code.
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        match self {
            // RFC 7692 names no code for the two compression errors. This code fits because the frames are valid, but
            // their payload is not what they declare. Other implementations use it as well.
            Self::InvalidUtf8 | Self::InvalidDeflate | Self::EarlierMessage(_) => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::DraftFrameType(_) => CloseCode::UNSUPPORTED_DATA,
            Self::MessageTooLong { .. } => CloseCode::TOO_BIG,
            Self::TooManyFragments { .. } => CloseCode::POLICY_VIOLATION,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

/// The reason why a message or control frame was not sent. No part of the message or frame was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed: a close frame was queued before, or the peer is gone.
    #[error("the connection is closing or closed")]
    Closed,
    /// The outbound buffer has no room now. There will be room when the peer has read more.
    #[error("the outbound buffer is full")]
    Full,
    /// The message or frame is longer than the whole outbound buffer, or longer than a control frame may be.
    #[error("the message is too long to be sent at all")]
    TooLong,
    /// The client speaks draft 00, which has only text messages.
    #[error(
        "the client speaks draft 00 of the protocol, which has no binary messages and no pings"
    )]
    Unsupported,
}
