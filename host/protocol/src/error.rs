//! Errors sorted by whose fault they are.

use crate::close_code::{CloseCode, CloseCodeError};

/// What the peer did wrong. Each fails the connection (RFC 6455 §7.1.7) with its own close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// §5.1: a client must mask every frame.
    #[error("a frame from the client is not masked")]
    UnmaskedFrame,
    /// §5.1: a server must not mask.
    #[error("a frame from the server is masked")]
    MaskedFrame,
    /// §5.2: no extension that gives these bits a meaning was negotiated.
    #[error("reserved bits {0:#05b} are set and no extension uses them")]
    ReservedBits(u8),
    /// §5.2: opcodes 3–7 and 11–15 are reserved.
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// §5.2: a length must be encoded in the fewest octets.
    #[error("a payload length is not in its shortest form")]
    LengthNotMinimal,
    /// §5.2: the most significant bit of a 64-bit length must be 0.
    #[error("a 64-bit payload length has its most significant bit set")]
    LengthOverflow,
    /// §5.5: control frames must not be fragmented.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// §5.5: control frames carry 125 octets or less.
    #[error("a control frame announces {0} octets; 125 are allowed")]
    ControlTooLong(u64),
    /// §5.4: a continuation frame without a message that it continues.
    #[error("a continuation frame continues nothing")]
    UnexpectedContinuation,
    /// §5.4: a new message began inside a fragmented one.
    #[error("a message began before the fragmented one had ended")]
    ExpectedContinuation,
    /// §5.5.1: a close frame's payload is empty or begins with a code of two octets.
    #[error("a close frame has a payload of one octet")]
    ClosePayloadTooShort,
    /// §7.4: a close code that must not be sent.
    #[error(transparent)]
    CloseCode(#[from] CloseCodeError),
    /// §8.1: a text message or a close reason is not UTF-8.
    #[error("text is not valid UTF-8")]
    InvalidUtf8,
    /// RFC 7692 §7.2.2: a compressed message is not what DEFLATE (RFC 1951) describes, or ends inside of
    /// a block.
    #[error("a compressed message is malformed or cut short")]
    InvalidDeflate,
    /// RFC 7692 §7.1.1: a compressed message cannot be inflated alone although this parameter was agreed on,
    /// and others came before it: it refers to one of them, in all likelihood.
    #[error(
        "a compressed message refers to an earlier one, which was agreed not to happen ({0}), or is \
         malformed"
    )]
    EarlierMessage(&'static str),
    /// Draft 00: a frame with a length in front, which is no text.
    #[error("a frame of type {0:#04x} is no text")]
    DraftFrameType(u8),
    /// §10.4: the message is longer than we accept.
    #[error("a message exceeds the limit of {limit} octets")]
    MessageTooLong {
        /// The limit, in octets of payload.
        limit: usize,
    },
    /// §10.4: the message came in more fragments than we accept.
    #[error("a message exceeds the limit of {limit} fragments")]
    TooManyFragments {
        /// The limit, in frames.
        limit: u32,
    },
}

impl ProtocolError {
    /// The code of the close frame that answers this error (RFC 6455 §7.4.1). In draft 00 no code
    /// goes over the wire.
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        match self {
            // RFC 7692 names no code for the others. The frames are right, their payload is not what
            // they say it is; other implementations answer so, too.
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

/// Why something was not sent. Nothing of it was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed: a close frame was queued before, or the peer is gone.
    #[error("the connection is closing or closed")]
    Closed,
    /// The outbound buffer has no room for it now; there will be when the peer has read on.
    #[error("the outbound buffer is full")]
    Full,
    /// It is longer than the whole outbound buffer, or than a control frame may be.
    #[error("the message is too long to be sent at all")]
    TooLong,
    /// The client speaks draft 00, which has text alone.
    #[error("this client speaks a draft of the protocol without binary messages and pings")]
    Unsupported,
}
