//! A board of pixels for each room: `--path '/room/{id}' --instance-per path` gives every path an
//! instance of its own, so that this code knows of one board only.
//!
//! A client sends three octets, column, row and colour, and everybody in the room gets them. Whoever
//! comes gets the whole board first. A text tells how many there are.

use ws_guest::{
    Client, CloseCode, Disconnection, Error, Handler, Handshake, Lifecycle, Rejection, broadcast,
    clients,
};

/// Columns and rows of a board.
const SIDE: usize = 32;

/// Colours, the empty one included.
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
        tell_how_many();
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
        tell_how_many();
    }
}

impl Lifecycle for Board {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.pixels.clone())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        match state {
            Some(pixels) if pixels.len() == SIDE * SIDE => self.pixels = pixels,
            Some(_) => return Err(Error::msg("a board of another size")),
            // After a fault the board is empty, and everybody is to see that.
            None => {
                broadcast(clients(), &self.pixels);
            }
        }
        Ok(())
    }
}

fn tell_how_many() {
    let here = clients();
    let words = format!("{} here", here.len());
    broadcast(&here, &words);
}

ws_guest::export!(Board: Lifecycle);
