//! Echoes texts, and sends binary messages to all clients, including the sender.

use ws_guest::{Client, Error, Handler, Handshake, Rejection, publish};

/// The topic that all clients subscribe to.
const EVERYBODY: &str = "everybody";

#[derive(Default)]
struct Megaphone;

impl Handler for Megaphone {
    fn connected(&mut self, client: Client, _: &mut Handshake) -> Result<(), Rejection> {
        Ok(client.subscribe(EVERYBODY)?)
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        Ok(client.send_text(message)?)
    }

    fn received_binary(&mut self, _: Client, message: Vec<u8>) -> Result<(), Error> {
        Ok(publish(EVERYBODY, &message)?)
    }
}

ws_guest::export!(Megaphone);
