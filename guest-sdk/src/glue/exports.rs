//! The exports of a component.

use std::marker::PhantomData;
use std::ops::Range;

use ws_guest_bindings::burst::exports::ws_host::socket::burst_listener;
use ws_guest_bindings::burst::ws_host::socket::burst::{self, Messages};
use ws_guest_bindings::custom::exports::ws_host::socket::custom_listener;
use ws_guest_bindings::drained::exports::ws_host::socket::drained_listener;
use ws_guest_bindings::expiry::exports::ws_host::socket::expiry_listener;
use ws_guest_bindings::handler::exports::ws_host::socket::handler;
use ws_guest_bindings::lifecycle::exports::ws_host::socket::lifecycle;
use ws_guest_bindings::stop::exports::ws_host::socket::stop_listener;
use ws_guest_bindings::timers::exports::ws_host::socket::timers_listener;

use crate::{
    Client, CustomMessages, Drained, Expiry, Handler, Lifecycle, Stop, Timer, Timers, dispatch,
};

/// Storage for the handler of an instance.
pub trait Exports {
    /// The handler's type.
    type Handler: Handler;

    /// Runs a closure with the handler.
    fn with_handler<T>(act: impl FnOnce(&mut Self::Handler) -> T) -> T;
}

/// Implements the exports of a component.
#[derive(Debug)]
pub struct Component<E>(PhantomData<E>);

impl<E: Exports> handler::Guest for Component<E> {
    fn connected(client: u64) -> bool {
        E::with_handler(|handler| dispatch::connected(handler, Client::from_id(client)))
    }

    fn received_text(client: u64, message: String) {
        let client = Client::from_id(client);
        E::with_handler(|handler| dispatch::received_text(handler, client, message));
    }

    fn received_binary(client: u64, message: Vec<u8>) {
        let client = Client::from_id(client);
        E::with_handler(|handler| dispatch::received_binary(handler, client, message));
    }

    fn received_pong(client: u64, payload: Vec<u8>) {
        let client = Client::from_id(client);
        E::with_handler(|handler| dispatch::received_pong(handler, client, payload));
    }

    fn disconnected(client: u64) {
        E::with_handler(|handler| dispatch::disconnected(handler, Client::from_id(client)));
    }
}

impl<E: Exports> burst_listener::Guest for Component<E> {
    fn received_burst(client: u64) {
        let client = Client::from_id(client);
        while let Some(messages) = burst::next_many() {
            // The range of a message is always valid, but indexing would still add panic code to every component.
            let may_continue = match messages {
                Messages::Text((texts, ends)) => deliver(&ends, |message| {
                    let text = texts.get(message).unwrap_or_default().to_owned();
                    E::with_handler(|handler| dispatch::received_text(handler, client, text));
                }),
                Messages::Binary((contents, ends)) => deliver(&ends, |message| {
                    let bytes = contents.get(message).unwrap_or_default().to_owned();
                    E::with_handler(|handler| dispatch::received_binary(handler, client, bytes));
                }),
            };
            if !may_continue {
                return;
            }
        }
    }
}

/// Delivers the messages that end at these positions. The host has already begun the first message, and begins each
/// later one when `burst::advance` is called. Returns false if the host does not let a message begin.
fn deliver(ends: &[u32], mut message: impl FnMut(Range<usize>)) -> bool {
    let mut start = 0;
    for (index, end) in ends.iter().enumerate() {
        if index > 0 && !burst::advance() {
            return false;
        }
        let end = *end as usize;
        message(start..end);
        start = end;
    }
    true
}

impl<E: Exports<Handler: Lifecycle>> lifecycle::Guest for Component<E> {
    fn suspend() -> Option<Vec<u8>> {
        E::with_handler(Lifecycle::suspend)
    }

    fn resume(state: Option<Vec<u8>>) -> Result<(), String> {
        E::with_handler(|handler| dispatch::resume(handler, state))
    }
}

impl<E: Exports<Handler: Timers>> timers_listener::Guest for Component<E> {
    fn fired(timer: u64) {
        E::with_handler(|handler| dispatch::fired(handler, Timer::new(timer)));
    }
}

impl<E: Exports<Handler: CustomMessages>> custom_listener::Guest for Component<E> {
    fn received_custom(message: Vec<u8>) -> Result<Vec<u8>, String> {
        E::with_handler(|handler| dispatch::received_custom(handler, message))
    }
}

impl<E: Exports<Handler: Drained>> drained_listener::Guest for Component<E> {
    fn drained(client: u64) {
        E::with_handler(|handler| dispatch::drained(handler, Client::from_id(client)));
    }
}

impl<E: Exports<Handler: Expiry>> expiry_listener::Guest for Component<E> {
    fn expiring(client: u64) {
        E::with_handler(|handler| dispatch::expiring(handler, Client::from_id(client)));
    }
}

impl<E: Exports<Handler: Stop>> stop_listener::Guest for Component<E> {
    fn stopping() {
        E::with_handler(dispatch::stopping);
    }
}
