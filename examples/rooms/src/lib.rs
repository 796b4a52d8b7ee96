//! A board of pixels for each room: `--path '/room/{id}' --instance-per path` gives every path an
//! instance of its own, so that this code knows of one board only.
//!
//! A client sends three octets, column, row and colour, and everybody in the room gets them. Whoever
//! comes gets the whole board first. A text tells how many there are.

use ws_guest::{
    Acceptance, Client, CloseCode, Disconnection, Handler, Rejection, Request, Result,
    broadcast_binary, broadcast_text, clients,
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
    fn connected(
        &mut self,
        client: Client,
        _: &Request,
    ) -> std::result::Result<Acceptance, Rejection> {
        let sent = client.send_binary(&self.pixels);
        sent.map_err(|_| Rejection::new(503, "the room is gone\n"))?;
        tell_how_many();
        Ok(Acceptance::default())
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result {
        match *message {
            [column, row, colour]
                if usize::from(column) < SIDE && usize::from(row) < SIDE && colour < COLOURS =>
            {
                self.pixels[usize::from(row) * SIDE + usize::from(column)] = colour;
                broadcast_binary(clients(), &message);
                Ok(())
            }
            _ => Ok(client.close(CloseCode::PolicyViolation, "a pixel is column, row, colour")?),
        }
    }

    fn disconnected(&mut self, _: Client, _: Disconnection) {
        tell_how_many();
    }

    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.pixels.clone())
    }

    fn resume(&mut self, state: Option<Vec<u8>>, clients: Vec<Client>) -> Result {
        match state {
            Some(pixels) if pixels.len() == SIDE * SIDE => self.pixels = pixels,
            Some(_) => return Err(ws_guest::Error::msg("a board of another size")),
            // After a fault the board is empty, and everybody is to see that.
            None => {
                broadcast_binary(clients, &self.pixels);
            }
        }
        Ok(())
    }
}

fn tell_how_many() {
    let here = clients();
    let words = format!("{} here", here.len());
    broadcast_text(here, &words);
}

ws_guest::export!(Board);
