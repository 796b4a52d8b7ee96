//! Pings with what it is told, and tells what came back. `heartbeat` gets an unsolicited pong.

use ws_guest::{Client, Handler, Result};

#[derive(Default)]
struct Pinging;

impl Handler for Pinging {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        if message == "heartbeat" {
            return Ok(client.pong(b"thump")?);
        }
        if let Err(error) = client.ping(message.as_bytes()) {
            client.send_text(&format!("{error:?}"))?;
        }
        Ok(())
    }

    fn received_pong(&mut self, client: Client, payload: Vec<u8>) -> Result {
        Ok(client.send_text(&format!("pong {}", String::from_utf8_lossy(&payload)))?)
    }
}

ws_guest::export!(Pinging);
