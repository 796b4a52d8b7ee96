//! Events of clients: messages and pongs.

use std::borrow::Cow;

use ws_host_protocol::Outbound;

use super::call_info::EventName;

/// An event of a connected client.
#[derive(Clone, Debug)]
pub(crate) enum ClientEvent<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Pong(Cow<'a, [u8]>),
}

impl ClientEvent<'_> {
    /// Returns the name of the event in the contract.
    pub(super) fn name(&self) -> EventName {
        match self {
            Self::Text(_) => EventName::ReceivedText,
            Self::Binary(_) => EventName::ReceivedBinary,
            Self::Pong(_) => EventName::ReceivedPong,
        }
    }

    pub(crate) fn into_owned(self) -> ClientEvent<'static> {
        match self {
            Self::Text(text) => ClientEvent::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => ClientEvent::Binary(Cow::Owned(bytes.into_owned())),
            Self::Pong(bytes) => ClientEvent::Pong(Cow::Owned(bytes.into_owned())),
        }
    }

    /// Returns the length of the message in bytes.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Pong(bytes) => bytes.len(),
        }
    }

    /// Makes the memory of a handled message available for the next message.
    pub(crate) fn recycle_memory(self) {
        let bytes = match self {
            Self::Text(Cow::Owned(text)) => text.into_bytes(),
            Self::Binary(Cow::Owned(bytes)) => bytes,
            Self::Text(Cow::Borrowed(_)) | Self::Binary(Cow::Borrowed(_)) | Self::Pong(_) => return,
        };
        Outbound::recycle(bytes);
    }
}
