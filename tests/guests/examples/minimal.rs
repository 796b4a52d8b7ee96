//! Written without the SDK, against the smallest world: echoes text, and exports nothing optional.

#![expect(missing_docs, unsafe_code, reason = "generated; the documentation is in wit/")]

wit_bindgen::generate!({ path: "../../wit", world: "resource-handler" });

use exports::ws_host::socket::handler::Guest;
use ws_host::socket::clients::send_text;
use ws_host::socket::types::ClientId;

struct Minimal;

impl Guest for Minimal {
    fn connected(_: ClientId) -> bool {
        true
    }

    fn received_text(client: ClientId, message: String) {
        let _ = send_text(client, &message);
    }

    fn received_binary(_: ClientId, _: Vec<u8>) {}

    fn received_pong(_: ClientId, _: Vec<u8>) {}

    fn disconnected(_: ClientId) {}
}

export!(Minimal);
