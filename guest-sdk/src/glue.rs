//! What [`export!`](crate::export) expands to. Not for use by hand.

pub use crate::bindings::*;

use crate::bindings::exports::ws_host::socket::{
    custom_listener, handler, lifecycle, timers_listener,
};
use crate::bindings::ws_host::socket::types;
use crate::{Client, Handler, Request, Result, Timer, report};

/// Where the one value of the handler's type lives.
pub trait Exports {
    /// The handler's type.
    type Handler: Handler;

    /// Lends it.
    fn with_handler<T>(act: impl FnOnce(&mut Self::Handler) -> T) -> T;
}

impl<E: Exports> handler::Guest for E {
    fn connected(
        client: u64,
        request: types::Request,
    ) -> std::result::Result<types::Acceptance, types::Rejection> {
        let request = Request::from(request);
        E::with_handler(|handler| handler.connected(Client::from_id(client), &request))
            .map(Into::into)
            .map_err(Into::into)
    }

    fn received_text(client: u64, message: String) {
        let client = Client::from_id(client);
        attempt::<E>(client, |handler| handler.received_text(client, message));
    }

    fn received_binary(client: u64, message: Vec<u8>) {
        let client = Client::from_id(client);
        attempt::<E>(client, |handler| handler.received_binary(client, message));
    }

    fn received_pong(client: u64, payload: Vec<u8>) {
        let client = Client::from_id(client);
        attempt::<E>(client, |handler| handler.received_pong(client, payload));
    }

    fn disconnected(client: u64, how: types::Disconnection) {
        E::with_handler(|handler| handler.disconnected(Client::from_id(client), how.into()));
    }
}

impl<E: Exports> lifecycle::Guest for E {
    fn suspend() -> Option<Vec<u8>> {
        E::with_handler(Handler::suspend)
    }

    fn resume(state: Option<Vec<u8>>, clients: Vec<u64>) -> std::result::Result<(), String> {
        let clients = clients.into_iter().map(Client::from_id).collect();
        E::with_handler(|handler| handler.resume(state, clients))
            .map_err(|error| format!("{error:#}"))
    }
}

impl<E: Exports> timers_listener::Guest for E {
    fn fired(timer: u64) {
        let timer = Timer::new(timer);
        if let Err(error) = E::with_handler(|handler| handler.fired(timer)) {
            report::to_log(&timer, &error);
        }
    }
}

impl<E: Exports> custom_listener::Guest for E {
    fn received_custom(message: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
        E::with_handler(|handler| handler.received_custom(message))
            .map_err(|error| format!("{error:#}"))
    }
}

/// One event of a client, and what becomes of an error in it.
fn attempt<E: Exports>(client: Client, act: impl FnOnce(&mut E::Handler) -> Result) {
    E::with_handler(|handler| {
        if let Err(error) = act(handler) {
            handler.failed(client, error);
        }
    });
}
