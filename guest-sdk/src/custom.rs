//! Details of a custom message.

use crate::sys::custom as host;

/// The kind and the sender of a custom message. Available only while `received_custom` runs.
///
/// The host rejects a message whose kind or sender is longer than 255 bytes. The handler never sees such a message.
#[derive(Debug)]
pub struct CustomMessage(());

impl CustomMessage {
    pub(crate) fn current() -> Self {
        Self(())
    }

    /// Returns the kind of the message, as its sender stated it. For a request at the admin address, the kind is the
    /// request's `Content-Type`.
    pub fn kind(&self) -> Option<String> {
        host::kind()
    }

    /// Returns the sender of the message: `admin` for a request at the admin address. Any other message comes from the
    /// program that embeds the host, and the sender is the name that this program has given itself.
    pub fn sender(&self) -> Option<String> {
        host::sender()
    }
}
