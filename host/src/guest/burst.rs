//! Many messages of one client in one call of the guest, which takes one after the other.

use std::any::Any;

use wasmtime::component::{ComponentType, Lower};

use crate::clients::Client;

/// What the messages of a burst are taken from.
pub(crate) trait Burst: Any + Send {
    /// The next message, now that the one before is done; none if the call is to end.
    fn next(&mut self, from: &Client) -> Option<Message>;
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
