//! Counts what all clients said together, and goes on counting when its source is edited and built
//! anew while they are connected.

use ws_guest::{Client, Handler, Result, broadcast_text, clients};

#[derive(Default)]
struct Counter {
    count: u64,
}

impl Handler for Counter {
    fn received_text(&mut self, _: Client, _: String) -> Result {
        self.count += 1;
        broadcast_text(clients(), &format!("{} messages", self.count));
        Ok(())
    }

    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.count.to_string().into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>, _: Vec<Client>) -> Result {
        if let Some(state) = state {
            self.count = String::from_utf8(state)?.parse()?;
        }
        Ok(())
    }
}

ws_guest::export!(Counter);
