//! The code that [`export!`](crate::export) expands to. Not meant to be used directly.

pub use crate::bindings::{burst, custom, drained, expiry, handler, lifecycle, stop, timers};

use crate::bindings::burst::ws_host::socket::types::Message;
use crate::{
    Client, CustomMessage, CustomMessages, Disconnection, Drained, Error, Expiry, Handler,
    Handshake, Lifecycle, Rejection, Stop, Timer, Timers, report,
};

/// The place that stores the only value of the handler's type.
pub trait Exports {
    /// The handler's type.
    type Handler: Handler;

    /// Runs a closure with the handler.
    fn with_handler<T>(act: impl FnOnce(&mut Self::Handler) -> T) -> T;
}

impl<E: Exports> handler::exports::ws_host::socket::handler::Guest for E {
    fn connected(client: u64) -> bool {
        let client = Client::from_id(client);
        let mut handshake = Handshake::of(client);
        let Err(rejection) = E::with_handler(|handler| handler.connected(client, &mut handshake))
        else {
            return true;
        };
        if let Err(mistake) = handshake.refuse(&rejection) {
            // The rejection itself cannot be sent. This logs why, and the client gets a plain 500.
            let _ = handshake.refuse(&Rejection::from(mistake));
        }
        false
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

    fn disconnected(client: u64) {
        let client = Client::from_id(client);
        let disconnection = Disconnection::of(client);
        E::with_handler(|handler| handler.disconnected(client, &disconnection));
    }
}

impl<E: Exports> burst::exports::ws_host::socket::burst_listener::Guest for E {
    fn received_burst(client: u64) {
        let client = Client::from_id(client);
        while let Some(message) = burst::ws_host::socket::burst::next() {
            attempt::<E>(client, |handler| match message {
                Message::Text(text) => handler.received_text(client, text),
                Message::Binary(bytes) => handler.received_binary(client, bytes),
            });
        }
    }
}

impl<E: Exports<Handler: Lifecycle>> lifecycle::exports::ws_host::socket::lifecycle::Guest for E {
    fn suspend() -> Option<Vec<u8>> {
        E::with_handler(Lifecycle::suspend)
    }

    fn resume(state: Option<Vec<u8>>) -> Result<(), String> {
        E::with_handler(|handler| handler.resume(state)).map_err(|error| format!("{error:#}"))
    }
}

impl<E: Exports<Handler: Timers>> timers::exports::ws_host::socket::timers_listener::Guest for E {
    fn fired(timer: u64) {
        let timer = Timer::new(timer);
        if let Err(error) = E::with_handler(|handler| handler.fired(timer)) {
            report::to_log(&timer, &error);
        }
    }
}

impl<E: Exports<Handler: CustomMessages>> custom::exports::ws_host::socket::custom_listener::Guest
    for E
{
    fn received_custom(message: Vec<u8>) -> Result<Vec<u8>, String> {
        let about = CustomMessage::current();
        E::with_handler(|handler| handler.received_custom(message, &about))
            .map_err(|error| format!("{error:#}"))
    }
}

impl<E: Exports<Handler: Drained>> drained::exports::ws_host::socket::drained_listener::Guest
    for E
{
    fn drained(client: u64) {
        let client = Client::from_id(client);
        attempt::<E>(client, |handler| handler.drained(client));
    }
}

impl<E: Exports<Handler: Expiry>> expiry::exports::ws_host::socket::expiry_listener::Guest for E {
    fn expiring(client: u64) {
        let client = Client::from_id(client);
        attempt::<E>(client, |handler| handler.expiring(client));
    }
}

impl<E: Exports<Handler: Stop>> stop::exports::ws_host::socket::stop_listener::Guest for E {
    fn stopping() {
        if let Err(error) = E::with_handler(Stop::stopping) {
            report::to_log(&"stopping", &error);
        }
    }
}

/// Runs one event of a client, and passes an error to [`Handler::failed`].
fn attempt<E: Exports>(client: Client, act: impl FnOnce(&mut E::Handler) -> Result<(), Error>) {
    E::with_handler(|handler| {
        if let Err(error) = act(handler) {
            handler.failed(client, error);
        }
    });
}
