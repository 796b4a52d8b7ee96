//! Sends `SIZE TEXT` back in frames of that size, as text and as a binary message.

use ws_guest::{Client, Handler, Result};

#[derive(Default)]
struct Frames;

impl Handler for Frames {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        let (size, text) = message.split_once(' ').unwrap_or(("0", &message));
        let size = size.parse()?;
        if let Err(error) = client.send_text_in_frames(text, size) {
            client.send_display(error)?;
        }
        if let Err(error) = client.send_binary_in_frames(text.as_bytes(), size) {
            client.send_display(error)?;
        }
        Ok(())
    }
}

ws_guest::export!(Frames);
