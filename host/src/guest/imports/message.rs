//! A message in the guest's memory.

use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, WasmList};
use ws_host_protocol::{Form, SendError, SharedMessage};

use super::Store;
use super::text::Text;
use crate::clients::Client;

/// A text or binary message, which is read in place.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Message {
    #[component(name = "text")]
    Text(Text),
    #[component(name = "binary")]
    Binary(WasmList<u8>),
}

impl Message {
    /// Checks the message, and frames it for one client.
    ///
    /// # Errors
    ///
    /// Fails if the guest passed invalid text.
    pub(super) fn send(
        &self,
        store: &Store<'_>,
        client: &Client,
        form: Form,
    ) -> Result<Result<(), SendError>> {
        Ok(match self {
            Self::Text(text) => client.send_text_with(&text.to_str(store)?, form),
            Self::Binary(bytes) => client.send_binary_with(bytes.as_le_slice(store), form),
        })
    }

    /// Checks the message, and frames a copy.
    ///
    /// # Errors
    ///
    /// The same as for [`send`](Self::send).
    pub(super) fn frame(&self, store: &Store<'_>) -> Result<SharedMessage> {
        Ok(match self {
            Self::Text(text) => SharedMessage::text(&text.to_str(store)?),
            Self::Binary(bytes) => SharedMessage::binary(bytes.as_le_slice(store)),
        })
    }
}
