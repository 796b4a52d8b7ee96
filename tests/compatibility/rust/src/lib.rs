//! A handler that uses every part of the contract. There is an equivalent one in each language.

use std::num::NonZeroU32;
use std::time::Duration;

use ws_guest::{
    Client, CloseCode, Compression, CustomMessage, CustomMessages, Disconnection, Drained, Error,
    Expiry, Handler, Handshake, Lifecycle, Message, Rejection, SendOptions, Stop, Timer, Timers,
    broadcast, broadcast_with, clients, publish,
};

/// The longest frame to send, in bytes.
const LONGEST: NonZeroU32 = NonZeroU32::new(4).expect("it is not 0");

#[derive(Default)]
struct Everything {
    count: u64,
    last_cause: String,
}

impl Handler for Everything {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let request = handshake.request();
        if request.query().as_deref() == Some("refused") {
            return Err(Rejection::new(401, "who are you?\n").header("www-authenticate", "Test"));
        }
        if request.offered_subprotocols().iter().any(|name| name == "second") {
            handshake.choose_subprotocol("second")?;
        }
        handshake.add_header("x-written-in", "rust")?;
        client.subscribe("all")?;
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        self.count += 1;
        let (command, rest) = message.split_once(' ').unwrap_or((&message, ""));
        match command {
            "fragments" => {
                let options = SendOptions::new().compression(Compression::Never).max_frame(LONGEST);
                client.send(rest, &options)?;
            }
            "others" => {
                let options = SendOptions::new().except([client])?;
                let missed = broadcast_with(clients(), rest, &options).len();
                client.send_text(format!("missed: {missed}"))?;
            }
            "publish" => publish("all", Message::Binary(rest.as_bytes()))?,
            "timer" => Timer::new(client.id()).set(Duration::from_millis(1))?,
            "tag" => {
                client.tag(rest)?;
                client.send_text(format!("tags: {}", client.tags().join(",")))?;
            }
            "close" => {
                let code = CloseCode::from(rest.parse::<u16>()?);
                if let Err(error) = client.close(code, "as you like") {
                    client.send_text(format!("not closed: {}", error.as_str()))?;
                }
            }
            "about" => {
                let request = client.request();
                let (path, header) = (request.path(), request.header("x-test").unwrap_or_default());
                client.send_text(format!("{path} {header}"))?;
            }
            "cause" => client.send_text(&self.last_cause)?,
            "count" => client.send_text(self.count.to_string())?,
            _ => client.send_text(message)?,
        }
        Ok(())
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        Ok(client.send_binary(message)?)
    }

    fn received_pong(&mut self, client: Client, _: Vec<u8>) -> Result<(), Error> {
        Ok(client.send_text("pong")?)
    }

    fn disconnected(&mut self, _: Client, disconnection: &Disconnection) {
        self.last_cause =
            format!("{} {}", disconnection.cause().as_str(), u16::from(disconnection.code()));
    }
}

impl Lifecycle for Everything {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.count.to_string().into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        if let Some(state) = state {
            self.count = String::from_utf8(state)?.parse()?;
        }
        Ok(())
    }
}

impl Timers for Everything {
    fn fired(&mut self, timer: Timer) -> Result<(), Error> {
        Ok(Client::from_id(timer.number()).send_text("fired")?)
    }
}

impl CustomMessages for Everything {
    fn received_custom(
        &mut self,
        message: Vec<u8>,
        about: &CustomMessage,
    ) -> Result<Vec<u8>, Error> {
        if message.is_empty() {
            return Err(Error::msg("nothing was said"));
        }
        let kind = about.kind().unwrap_or_default();
        Ok([kind.as_bytes(), b": ", &message].concat())
    }
}

impl Drained for Everything {
    fn drained(&mut self, client: Client) -> Result<(), Error> {
        Ok(client.send_text("drained")?)
    }
}

impl Expiry for Everything {
    fn expiring(&mut self, client: Client) -> Result<(), Error> {
        Ok(client.send_text("expiring")?)
    }
}

impl Stop for Everything {
    fn stopping(&mut self) -> Result<(), Error> {
        broadcast(clients(), "stopping");
        Ok(())
    }
}

ws_guest::export!(Everything: Lifecycle, Timers, CustomMessages, Drained, Expiry, Stop);
