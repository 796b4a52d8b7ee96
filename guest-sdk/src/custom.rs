//! Details of a custom message.

use crate::sys::custom as host;

/// The kind and the sender of a custom message. Works only while `received_custom` runs.
///
/// The host rejects a message whose kind or sender is longer than 255 bytes: the handler never sees it.
#[derive(Debug)]
pub struct CustomMessage(());

impl CustomMessage {
    pub(crate) fn current() -> Self {
        Self(())
    }

    /// Returns the kind of the message as its sender states it: for a request at the admin address, its `Content-Type`.
    pub fn kind(&self) -> Option<String> {
        host::kind()
    }

    /// Returns the sender of the message: `admin` for a request at the admin address, or the name that the program that
    /// embeds the host gives itself.
    pub fn sender(&self) -> Option<String> {
        host::sender()
    }
}
