//! Sends each message to all but its sender, and tells the sender how many accepted it.

use ws_guest::{Client, Handler, Result, broadcast_binary, broadcast_text, clients};

#[derive(Default)]
struct Fanout;

fn others(client: Client) -> impl Iterator<Item = Client> {
    clients().into_iter().filter(move |other| *other != client)
}

impl Handler for Fanout {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        let accepted = broadcast_text(others(client), &message);
        Ok(client.send_text(&accepted.to_string())?)
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result {
        // Somebody who never was does not count.
        let to = others(client).chain([Client::from_id(u64::MAX)]);
        let accepted = broadcast_binary(to, &message);
        Ok(client.send_text(&accepted.to_string())?)
    }
}

ws_guest::export!(Fanout);
