//! The functions of the host. In a component, they are the imports of the contract. In a native test, they belong to a
//! `TestHost`.

#[cfg(target_arch = "wasm32")]
mod capabilities;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub(crate) use self::capabilities::{config, keyvalue};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::native::{
    ConnectOptions, SendOptions, clients, config, custom, disconnection, expiry, handshake,
    keyvalue, log, outgoing, requests, state, tags, timers, topics,
};
#[cfg(target_arch = "wasm32")]
pub(crate) use ws_guest_bindings::imports::ws_host::socket::{
    clients, custom, disconnection, expiry, handshake, log, outgoing, requests, state, tags,
    timers, topics,
};

#[cfg(target_arch = "wasm32")]
pub(crate) use ws_guest_bindings::imports::ws_host::socket::clients::SendOptions;
#[cfg(target_arch = "wasm32")]
pub(crate) use ws_guest_bindings::imports::ws_host::socket::outgoing::ConnectOptions;

use crate::Message;

/// Converts a message to the type that the functions of the host take.
#[cfg(target_arch = "wasm32")]
#[inline]
pub(crate) fn param(
    message: Message<'_>,
) -> ws_guest_bindings::imports::ws_host::socket::types::MessageParam<'_> {
    use ws_guest_bindings::imports::ws_host::socket::types::MessageParam;
    match message {
        Message::Text(text) => MessageParam::Text(text),
        Message::Binary(bytes) => MessageParam::Binary(bytes),
    }
}

/// Returns the message unchanged, because the functions of a native build take a `Message`.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn param(message: Message<'_>) -> Message<'_> {
    message
}
