//! Records every event, and sends the record on `report`.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use ws_guest::{Client, Disconnection, Error, Handler, Handshake, Rejection};

#[derive(Default)]
struct Recording {
    record: Vec<String>,
}

impl Handler for Recording {
    fn connected(&mut self, client: Client, _: &mut Handshake) -> Result<(), Rejection> {
        self.record.push(format!("{client} connected"));
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.as_str() {
            "report" => client.send_text(self.record.join("\n"))?,
            "who" => client.send_display(client)?,
            _ => self.record.push(format!("{client} text {message}")),
        }
        Ok(())
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        self.record.push(format!("{client} binary {message:02x?}"));
        Ok(())
    }

    fn received_pong(&mut self, client: Client, payload: Vec<u8>) -> Result<(), Error> {
        self.record.push(format!("{client} pong {}", String::from_utf8_lossy(&payload)));
        Ok(())
    }

    fn disconnected(&mut self, client: Client, how: &Disconnection) {
        let (code, sent) = (u16::from(how.code()), how.sent_code().map(u16::from));
        let (reason, clean) = (how.reason(), how.is_clean());
        let line = format!("{client} disconnected {code} {reason:?} clean {clean} sent {sent:?}");
        // Tests that stop the host read this in the log.
        println!("{line}");
        self.record.push(line);
    }
}

ws_guest::export!(Recording);
