//! Aborts the client that a message names (`abort ID`), and replies whether it existed.

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Aborting;

impl Handler for Aborting {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.strip_prefix("abort ") {
            Some("me") => {
                client.send_text("never arrives")?;
                client.abort();
            }
            Some(id) => {
                let victim = Client::from_id(id.parse()?);
                let aborted = victim.abort();
                client.send_text(format!("{aborted} {:?}", victim.send_text("too late")))?;
            }
            None => client.send_display(client.id())?,
        }
        Ok(())
    }
}

ws_guest::export!(Aborting);
