//! Fails in the event that the message names.

use std::time::Duration;

use ws_guest::{
    Client, CloseCode, CustomMessage, CustomMessages, Disconnection, Drained, Error, Expiry,
    Handler, Handshake, Lifecycle, Rejection, Stop, Timer, Timers, broadcast, clients,
};

/// A saved state that cannot be resumed.
const UNUSABLE: &[u8] = b"unusable";

#[derive(Default)]
struct Faults {
    messages: u64,
    /// The event that panics.
    failing: String,
}

impl Faults {
    fn panic_if_asked(&self, event: &str) {
        assert!(self.failing != event, "on purpose");
    }
}

fn recurse(depth: u64) -> u64 {
    1 + std::hint::black_box(recurse as fn(u64) -> u64)(depth + 1)
}

impl Handler for Faults {
    fn connected(&mut self, _: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        assert!(handshake.request().query().as_deref() != Some("throw"), "on purpose");
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        self.messages += 1;
        match message.split_once(' ').unwrap_or((&message, "")) {
            ("throw", _) => panic!("on purpose"),
            ("fail", _) => return Err(Error::msg("failed with 7")),
            ("throw-in", event) => {
                event.clone_into(&mut self.failing);
                client.send_text("noted")?;
            }
            ("expire", _) => {
                client.expire(Duration::from_secs(60), Duration::from_millis(59_990))?
            }
            ("fill", _) => {
                let chunk = "x".repeat(60_000);
                while client.send_text(&chunk).is_ok() {}
            }
            ("recurse", _) => {
                std::hint::black_box(recurse(0));
            }
            ("timer", _) => Timer::new(1).set(Duration::ZERO)?,
            ("loop", _) => loop {
                std::hint::black_box(());
            },
            ("memory", _) => {
                let mut all = Vec::new();
                loop {
                    all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            ("close", how) => {
                let (code, reason) = how.split_once(' ').unwrap_or((how, ""));
                client.close(CloseCode::from(code.parse::<u16>()?), reason)?;
            }
            ("gone", _) => {
                let gone = Client::from_id(client.id() + 1_000_000);
                client.send_text(gone.send_text("anybody?").is_ok().to_string())?;
            }
            ("id", _) => client.send_text(client.id().to_string())?,
            ("count", _) => client.send_text(self.messages.to_string())?,
            _ => {}
        }
        Ok(())
    }

    fn received_binary(&mut self, _: Client, _: Vec<u8>) -> Result<(), Error> {
        panic!("on purpose")
    }

    fn received_pong(&mut self, _: Client, payload: Vec<u8>) -> Result<(), Error> {
        assert!(payload != b"throw", "on purpose");
        Ok(())
    }

    fn disconnected(&mut self, _: Client, end: &Disconnection) {
        self.panic_if_asked("disconnected");
        let code = u16::from(end.code());
        let sent = end.sent_code().map_or(0, u16::from);
        let cause = format!("{:?}", end.cause()).to_lowercase();
        println!("ended: {cause} {code} {sent} {} {}", end.is_clean(), end.reason());
    }
}

impl Timers for Faults {
    fn fired(&mut self, _: Timer) -> Result<(), Error> {
        panic!("on purpose")
    }
}

impl Drained for Faults {
    fn drained(&mut self, _: Client) -> Result<(), Error> {
        self.panic_if_asked("drained");
        Ok(())
    }
}

impl Expiry for Faults {
    fn expiring(&mut self, client: Client) -> Result<(), Error> {
        self.panic_if_asked("expiring");
        client.keep();
        Ok(client.send_text("expiring")?)
    }
}

impl Stop for Faults {
    fn stopping(&mut self) -> Result<(), Error> {
        self.panic_if_asked("stopping");
        broadcast(clients(), "stopping");
        Ok(())
    }
}

impl CustomMessages for Faults {
    fn received_custom(
        &mut self,
        message: Vec<u8>,
        about: &CustomMessage,
    ) -> Result<Vec<u8>, Error> {
        assert!(message != b"throw", "on purpose");
        let (kind, sender) = (about.kind(), about.sender());
        let text = String::from_utf8(message)?;
        let reply =
            format!("{} of {}: {text}", kind.unwrap_or_default(), sender.unwrap_or_default());
        if text == "fail" { Err(Error::msg(reply)) } else { Ok(reply.into()) }
    }
}

impl Lifecycle for Faults {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        self.panic_if_asked("suspend");
        if self.failing == "resume" {
            println!("the state is unusable");
            return Some(UNUSABLE.to_vec());
        }
        Some(self.messages.to_string().into())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        let Some(state) = state else { return Ok(()) };
        assert!(state != UNUSABLE, "on purpose");
        self.messages = String::from_utf8(state)?.parse()?;
        Ok(())
    }
}

ws_guest::export!(Faults: Lifecycle, Timers, CustomMessages, Drained, Expiry, Stop);
