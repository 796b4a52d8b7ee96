//! Sends `SIZE TEXT` back in frames of that size, as text and as a binary message.

use ws_guest::{Client, Error, Handler, SendOptions};

#[derive(Default)]
struct Frames;

impl Handler for Frames {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let (size, text) = message.split_once(' ').unwrap_or(("0", &message));
        let in_frames = SendOptions::new().max_frame(size.parse()?);
        if let Err(error) = client.send(text, &in_frames) {
            client.send_display(error)?;
        }
        if let Err(error) = client.send(text.as_bytes(), &in_frames) {
            client.send_display(error)?;
        }
        Ok(())
    }
}

ws_guest::export!(Frames);
