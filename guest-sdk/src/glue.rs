//! What [`export!`](crate::export) expands to. Not for use by hand.

pub use crate::bindings::*;

use crate::bindings::exports::ws_host::socket::{handler, lifecycle, timers_listener};
use crate::bindings::ws_host::socket::types;
use crate::{Client, CloseCode, Error, Handler, Request, Result, Timer};

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
        answer_for(client, E::with_handler(|handler| handler.received_text(client, message)));
    }

    fn received_binary(client: u64, message: Vec<u8>) {
        let client = Client::from_id(client);
        answer_for(client, E::with_handler(|handler| handler.received_binary(client, message)));
    }

    fn received_pong(client: u64, payload: Vec<u8>) {
        let client = Client::from_id(client);
        answer_for(client, E::with_handler(|handler| handler.received_pong(client, payload)));
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
            report(&timer, &error);
        }
    }
}

/// An error that a handler did not deal with: the log has it, and the client is closed with 1011.
fn answer_for(client: Client, result: Result) {
    if let Err(error) = result {
        report(&client, &error);
        // Fails only if the client is closing already.
        let _ = client.close(CloseCode::InternalError, "the handler failed");
    }
}

#[expect(clippy::print_stderr, reason = "standard error is the host's log")]
fn report(event_of: &dyn std::fmt::Display, error: &Error) {
    eprintln!("{event_of}: {error:#}");
}
