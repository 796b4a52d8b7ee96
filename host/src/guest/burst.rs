//! Bursts: the guest takes several messages of one client in one call.

use std::any::Any;

use wasmtime::component::{ComponentType, Lower};

use crate::clients::Client;

/// The source of the messages of a burst.
pub(crate) trait Burst: Any + Send {
    /// Returns the next message. The guest has handled the previous one. Returns `None` if the call should end.
    fn next(&mut self, from: &Client) -> Option<Message>;
}

impl dyn Burst {
    /// Returns the burst as the type from which its owner made it. Returns `None` if it has another type.
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
