//! Bursts: the guest takes several messages of one client in one call.

use std::any::Any;

use wasmtime::component::{ComponentType, Lower};

use crate::clients::Client;

/// The source of the messages of a burst.
pub(crate) trait Burst: Any + Send {
    /// Returns the next message. Must be called after the guest has handled the previous one. Returns `None` if the
    /// guest's call should end.
    fn next(&mut self, from: &Client) -> Option<Message>;

    /// Returns the next message as [`next`](Self::next) does, along with copies of the messages of the same kind that
    /// follow it. The event of a copied message begins only when `advance` is called.
    fn next_many(&mut self, from: &Client) -> Option<Messages>;

    /// Moves on to the next copied message. Must be called after the guest has handled the previous message. Returns
    /// `None` if no copied message is left, or if the guest's call should end.
    fn advance(&mut self, from: &Client) -> Option<MessageKind>;
}

impl dyn Burst {
    /// Returns the burst as its concrete type `B`. Returns `None` if it has another type.
    pub(super) fn downcast<B: Burst>(self: Box<Self>) -> Option<Box<B>> {
        let burst: Box<dyn Any> = self;
        burst.downcast().ok()
    }
}

/// A message for the guest.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Message {
    #[component(name = "text")]
    Text(String),
    #[component(name = "binary")]
    Binary(Vec<u8>),
}

/// Messages of one kind for the guest: their contents, one after the other, and the byte offset at which each one ends.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Messages {
    #[component(name = "text")]
    Text((String, Vec<u32>)),
    #[component(name = "binary")]
    Binary((Vec<u8>, Vec<u32>)),
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Text,
    Binary,
}

impl Message {
    pub(super) fn kind(&self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }
}

impl Messages {
    pub(super) fn kind(&self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }
}
