//! Written without the SDK, to make mistakes that the SDK prevents: replies with the error for each.

#![expect(missing_docs, unsafe_code, reason = "generated; the documentation is in wit/")]

wit_bindgen::generate!({ path: "../../wit", world: "resource-handler" });

use exports::ws_host::socket::handler::Guest;
use ws_host::socket::clients::{SendOptions, broadcast, send, send_text};
use ws_host::socket::outgoing::ConnectOptions;
use ws_host::socket::types::{ClientId, Message};
use ws_host::socket::{handshake, outgoing};

struct Mistaken;

/// `WORD ARGUMENT`: where the mistake is made, and with what. `%0a` is a line feed.
fn make(client: ClientId, mistake: &str) -> String {
    let mistake = &*mistake.replace("%0a", "\n");
    let (word, argument) = mistake.split_once(' ').unwrap_or((mistake, ""));
    let number = argument.parse().unwrap_or(0);
    let options = SendOptions::new();
    let result = match word {
        "compression" => options.set_compression(argument),
        "max-frame" => options.set_max_frame(Some(number)),
        "except" => options.set_except(&vec![client; number as usize]),
        "options" => {
            let all: Vec<_> = (0..number).map(|_| SendOptions::new()).collect();
            send(client, &Message::Text("sent".into()), all.last())
        }
        // Options that are set twice: the second call counts.
        "twice" => {
            let _ = options.set_compression("always");
            let _ = options.set_max_frame(Some(1));
            let _ = options.set_except(&[client]);
            let _ = options.set_compression("never");
            let _ = options.set_max_frame(None);
            let _ = options.set_except(&[]);
            let missed = broadcast(&[client], &Message::Text("x".repeat(2_000)), Some(&options));
            return format!("{} missed", missed.len());
        }
        "offers" => {
            let options = ConnectOptions::new();
            (0..number).try_for_each(|number| options.add_subprotocol(&format!("p{number}")))
        }
        "offer-twice" => {
            let options = ConnectOptions::new();
            options.add_subprotocol(argument).and_then(|()| options.add_subprotocol(argument))
        }
        "connect-headers" => {
            let options = ConnectOptions::new();
            (0..number).try_for_each(|_| options.add_header("x-name", b"value"))
        }
        "connect-header" => ConnectOptions::new().add_header(argument, b"value"),
        "connect-options" => {
            let all: Vec<_> = (0..number).map(|_| ConnectOptions::new()).collect();
            outgoing::connect("wss://example.com/", all.last()).map(drop)
        }
        "subprotocol" => handshake::choose_subprotocol(client, argument),
        "header" => handshake::add_header(client, argument, "value"),
        "value" => handshake::add_header(client, "x-name", argument),
        "long-value" => handshake::add_header(client, "x-name", &"x".repeat(number as usize)),
        "status" => handshake::set_status(client, number as u16),
        "type" => handshake::set_body(client, argument, b"body"),
        "body" => handshake::set_body(client, "text/plain", &vec![b'x'; number as usize]),
        _ => Err(format!("{word} is no mistake")),
    };
    result.err().unwrap_or_else(|| "none".into())
}

impl Guest for Mistaken {
    /// Makes the mistakes in the query, with `+` for the space and `;` between them, and sends the results as soon as
    /// the client is connected. `refuse` as the last of them refuses the client.
    fn connected(client: ClientId) -> bool {
        let query = ws_host::socket::requests::query(client).unwrap_or_default();
        for mistake in query.split(';').filter(|mistake| !mistake.is_empty()) {
            if mistake == "refuse" {
                return false;
            }
            let _ = send_text(client, &make(client, &mistake.replacen('+', " ", 1)));
        }
        true
    }

    fn received_text(client: ClientId, mistake: String) {
        let _ = send_text(client, &make(client, &mistake));
    }

    fn received_binary(_: ClientId, _: Vec<u8>) {}

    fn received_pong(_: ClientId, _: Vec<u8>) {}

    fn disconnected(_: ClientId) {}
}

export!(Mistaken);
