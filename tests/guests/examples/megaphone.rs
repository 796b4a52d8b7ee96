//! Sends a text back to whoever sent it, and a binary message to everybody, its sender too.

use std::result::Result as StdResult;

use ws_guest::{Acceptance, Client, Handler, Rejection, Request, Result, publish_binary};

/// What all are subscribed to.
const EVERYBODY: &str = "everybody";

#[derive(Default)]
struct Megaphone;

impl Handler for Megaphone {
    fn connected(
        &mut self,
        client: Client,
        _request: &Request,
    ) -> StdResult<Acceptance, Rejection> {
        client.subscribe(EVERYBODY).map_err(|error| Rejection::new(503, format!("{error}\n")))?;
        Ok(Acceptance::default())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result {
        Ok(client.send_text(&message)?)
    }

    fn received_binary(&mut self, _client: Client, message: Vec<u8>) -> Result {
        publish_binary(EVERYBODY, &message);
        Ok(())
    }
}

ws_guest::export!(Megaphone);
