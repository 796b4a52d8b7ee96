//! A board of pixels for each room: `--path '/room/{id}' --instance-per path` gives every path its own instance, so
//! that this code handles only one board.
//!
//! A client sends three bytes, column, row and colour, and every client in the room gets them. A new client first gets
//! the whole board. A text message says how many clients there are.

use ws_guest::{
    Client, CloseCode, Disconnection, Error, Handler, Handshake, Lifecycle, Rejection, broadcast,
    clients,
};

/// The number of columns, and of rows, of a board.
const SIDE: usize = 32;

/// The number of colours, including the empty one.
const COLOURS: u8 = 8;

struct Board {
    pixels: Vec<u8>,
}

impl Default for Board {
    fn default() -> Self {
        Self { pixels: vec![0; SIDE * SIDE] }
    }
}

impl Handler for Board {
    fn connected(&mut self, client: Client, _: &mut Handshake) -> Result<(), Rejection> {
        client.send_binary(&self.pixels)?;
        announce_count();
        Ok(())
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        match *message {
            [column, row, colour]
                if usize::from(column) < SIDE && usize::from(row) < SIDE && colour < COLOURS =>
            {
                self.pixels[usize::from(row) * SIDE + usize::from(column)] = colour;
                broadcast(clients(), &message);
                Ok(())
            }
            _ => Ok(client.close(CloseCode::PolicyViolation, "a pixel is column, row, colour")?),
        }
    }

    fn disconnected(&mut self, _: Client, _: &Disconnection) {
        announce_count();
    }
}

impl Lifecycle for Board {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.pixels.clone())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        match state {
            Some(pixels) if pixels.len() == SIDE * SIDE => self.pixels = pixels,
            Some(_) => return Err(Error::msg("the saved board has another size")),
            // After a fault the board is empty: show that to all clients.
            None => {
                broadcast(clients(), &self.pixels);
            }
        }
        Ok(())
    }
}

fn announce_count() {
    let here = clients();
    let text = format!("{} here", here.len());
    broadcast(&here, &text);
}

ws_guest::export!(Board: Lifecycle);
