//! Panics on request, in the event that the request names; echoes anything else.

use ws_guest::{Client, Disconnection, Error, Handler, Handshake, Rejection};

#[derive(Default)]
struct Trap {
    echoes: u32,
}

impl Handler for Trap {
    fn connected(&mut self, _: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let query = handshake.request().query();
        assert!(query.as_deref() != Some("trap"), "asked to panic in connected");
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        assert!(message != "trap", "asked to panic");
        self.echoes += 1;
        Ok(client.send_text(format!("{message} {}", self.echoes))?)
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        client.send_text("sent before the panic")?;
        assert!(message.is_empty(), "asked to panic");
        Ok(())
    }

    fn disconnected(&mut self, _: Client, how: &Disconnection) {
        assert!(how.reason() != "trap", "asked to panic in disconnected");
    }
}

ws_guest::export!(Trap);
