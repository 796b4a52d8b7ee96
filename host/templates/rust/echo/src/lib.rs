//! Sends every message back to its sender.

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Echo;

impl Handler for Echo {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        Ok(client.send_text(message)?)
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        Ok(client.send_binary(message)?)
    }
}

ws_guest::export!(Echo);
