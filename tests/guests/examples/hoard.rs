//! Allocates without end on `hoard`; echoes anything else.

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Hoard {
    hoard: Vec<Vec<u8>>,
}

impl Handler for Hoard {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if message == "hoard" {
            loop {
                self.hoard.push(vec![1; 1 << 20]);
            }
        }
        Ok(client.send_text(message)?)
    }
}

ws_guest::export!(Hoard);
