//! Answers each burst with the texts that it took from it, and each single text with itself. It takes no text after
//! `leave`, and takes nothing of any burst after a single `idle`.

#![cfg(target_arch = "wasm32")]

use std::cell::Cell;

use ws_guest::glue::{burst, handler};
use ws_guest::{Client, Error, Handler};

use burst::ws_host::socket::burst::next;
use burst::ws_host::socket::types::Message;

thread_local! {
    static IS_IDLE: Cell<bool> = const { Cell::new(false) };
}

#[derive(Default)]
struct Bursting;

impl Handler for Bursting {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        IS_IDLE.set(message == "idle");
        Ok(client.send_text(format!("single {message}"))?)
    }
}

/// Exports by hand what the SDK normally exports.
struct Exports;

impl ws_guest::glue::Exports for Exports {
    type Handler = Bursting;

    fn with_handler<T>(act: impl FnOnce(&mut Bursting) -> T) -> T {
        act(&mut Bursting)
    }
}

type Component = ws_guest::glue::Component<Exports>;

struct ByHand;

impl burst::exports::ws_host::socket::burst_listener::Guest for ByHand {
    fn received_burst(client: u64) {
        if IS_IDLE.get() {
            return;
        }
        let mut taken = vec!["burst".to_owned()];
        while let Some(Message::Text(text)) = next() {
            let is_last = text == "leave";
            taken.push(text);
            if is_last {
                break;
            }
        }
        let _ = Client::from_id(client).send_text(taken.join(" "));
    }
}

handler::export_handler!(Component with_types_in handler);
burst::export_burst!(ByHand with_types_in burst);
