//! Bursts: the guest takes several messages of one client in one call.

use std::any::Any;

use wasmtime::component::{ComponentType, Lower};

use crate::clients::Client;

/// Where the messages of a burst come from.
pub(crate) trait Burst: Any + Send {
    /// Returns the next message, now that the guest has handled the one before; `None` if the call is to end.
    fn next(&mut self, from: &Client) -> Option<Message>;
}

impl dyn Burst {
    /// Returns the burst as the type that its owner made it of; `None` if it is of another type.
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
