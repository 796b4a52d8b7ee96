//! Fails in the event that the message names.

use std::time::Duration;

use ws_guest::{
    Client, CloseCode, Disconnection, Error, Handler, Handshake, Rejection, Timer, Timers,
};

#[derive(Default)]
struct Faults {
    messages: u64,
    fails_on_leave: bool,
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
            ("/throw-on-leave", _) => self.fails_on_leave = true,
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

    fn disconnected(&mut self, _: Client, _: &Disconnection) {
        assert!(!self.fails_on_leave, "on purpose");
    }
}

impl Timers for Faults {
    fn fired(&mut self, _: Timer) -> Result<(), Error> {
        panic!("on purpose")
    }
}

ws_guest::export!(Faults: Timers);
