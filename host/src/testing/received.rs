//! What a client can receive.

use std::fmt;

use ws_host_protocol::{CloseCode, CloseFrame};

/// An item that a client has received from the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping that the handler has sent. The client has already answered it.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The end of the connection. Nothing follows.
    Closed(Closed),
}

/// The end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The code of the host's close frame. 1005 if the frame has no code, and 1006 if there was no frame.
    pub code: u16,
    /// The reason in the host's close frame.
    pub reason: String,
}

impl Closed {
    pub(super) fn with(frame: Option<&CloseFrame>) -> Self {
        let (code, reason) = CloseFrame::code_and_reason(frame);
        Self { code, reason }
    }

    /// The end of a connection without a close frame.
    pub(super) fn lost() -> Self {
        Self { code: CloseCode::ABNORMAL, reason: String::new() }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "text {text:?}"),
            Self::Binary(bytes) => write!(f, "binary {}", Bytes(bytes)),
            Self::Ping(payload) => write!(f, "ping {}", Bytes(payload)),
            Self::Pong(payload) => write!(f, "pong {}", Bytes(payload)),
            Self::Closed(closed) => write!(f, "{closed}"),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            CloseCode::ABNORMAL => {
                write!(f, "the end of the connection without a close frame (1006)")
            }
            code if self.reason.is_empty() => write!(f, "close {code}"),
            code => write!(f, "close {code} {:?}", self.reason),
        }
    }
}

/// Bytes as failure messages show them: as text if they are ASCII text, otherwise in hexadecimal. Long ones are
/// shortened.
struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX: usize = 64;
        let shown = &self.0[..self.0.len().min(MAX)];
        let more = self.0.len() - shown.len();
        if shown.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            write!(f, "b\"{}\"", shown.escape_ascii())?;
        } else {
            f.write_str("hex \"")?;
            for (number, byte) in shown.iter().enumerate() {
                let space = if number > 0 { " " } else { "" };
                write!(f, "{space}{byte:02x}")?;
            }
            f.write_str("\"")?;
        }
        match more {
            0 => Ok(()),
            more => write!(f, " and {more} more bytes"),
        }
    }
}
