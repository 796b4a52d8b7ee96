//! Answers each burst with the texts that it took from it, and each single text with itself. It takes no text after
//! `leave`, and takes nothing of any burst after a single `idle`. After a single `many`, it takes texts with `next-many`.

#![cfg(target_arch = "wasm32")]

use std::cell::Cell;

use ws_guest::glue::{burst, handler};
use ws_guest::{Client, Error, Handler};

use burst::ws_host::socket::burst::{Messages, advance, next, next_many};
use burst::ws_host::socket::types::Message;

/// How the guest takes the texts of a burst.
#[derive(Clone, Copy)]
enum Mode {
    One,
    Many,
    Idle,
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::One) };
}

#[derive(Default)]
struct Bursting;

impl Handler for Bursting {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match &*message {
            "one" => MODE.set(Mode::One),
            "many" => MODE.set(Mode::Many),
            "idle" => MODE.set(Mode::Idle),
            _ => {}
        }
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
        let taken = match MODE.get() {
            Mode::One => take_one_by_one(),
            Mode::Many => take_many(Client::from_id(client)),
            Mode::Idle => return,
        };
        let _ = Client::from_id(client).send_text(taken.join(" "));
    }
}

fn take_one_by_one() -> Vec<String> {
    let mut taken = vec!["burst".to_owned()];
    while let Some(Message::Text(text)) = next() {
        let is_last = text == "leave";
        taken.push(text);
        if is_last {
            break;
        }
    }
    taken
}

/// Puts `|` before the texts of each call. Sends the client an error at once if the host lets a text begin that it
/// should not.
fn take_many(client: Client) -> Vec<String> {
    let mut taken = vec!["burst".to_owned()];
    let expect_none = |when: &str| {
        if advance() {
            let _ = client.send_text(format!("advanced {when}"));
        }
    };
    expect_none("before next-many");
    while let Some(Messages::Text((texts, ends))) = next_many() {
        taken.push("|".to_owned());
        let mut start = 0;
        for (index, end) in ends.into_iter().enumerate() {
            if index > 0 && !advance() {
                return taken;
            }
            let text = &texts[start..end as usize];
            start = end as usize;
            taken.push(text.to_owned());
            if text == "leave" {
                return taken;
            }
            if text == "next" {
                let Some(Message::Text(text)) = next() else { return taken };
                taken.push(text);
                break;
            }
        }
        expect_none("after the last");
    }
    taken
}

handler::export_handler!(Component with_types_in handler);
burst::export_burst!(ByHand with_types_in burst);
