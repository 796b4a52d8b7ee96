//! What is known of a message from outside.

use crate::bindings::ws_host::socket::custom as host;

/// What is known of a message from outside, to be asked while `received_custom` runs.
#[derive(Debug)]
pub struct CustomMessage(());

impl CustomMessage {
    pub(crate) fn current() -> Self {
        Self(())
    }

    /// Of what kind it is, as whoever sent it says: the `Content-Type` of a request at the admin address.
    pub fn kind(&self) -> Option<String> {
        host::kind()
    }

    /// Who sent it: `admin`, or what the program of which the host is a part calls itself.
    pub fn sender(&self) -> Option<String> {
        host::sender()
    }
}
