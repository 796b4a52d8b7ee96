//! Sends each message back as a ping, and reports pongs. `heartbeat` gets an unsolicited pong.

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Pinging;

impl Handler for Pinging {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if message == "heartbeat" {
            return Ok(client.pong("thump")?);
        }
        if let Err(error) = client.ping(message) {
            client.send_text(format!("{error:?}"))?;
        }
        Ok(())
    }

    fn received_pong(&mut self, client: Client, payload: Vec<u8>) -> Result<(), Error> {
        Ok(client.send_text(format!("pong {}", String::from_utf8_lossy(&payload)))?)
    }
}

ws_guest::export!(Pinging);
