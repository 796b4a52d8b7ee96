//! Closes clients, from `connected` (`?close`) or by `close CODE REASON`, and replies with the result.

use ws_guest::{Client, CloseCode, Error, Handler, Handshake, Rejection};

#[derive(Default)]
struct Closing;

impl Handler for Closing {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        if handshake.request().query().as_deref() == Some("close") {
            client.send_text("goodbye")?;
            client.close(CloseCode::Other(4000), "not today")?;
        }
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let mut words = message.splitn(3, ' ');
        let (Some("close"), Some(code)) = (words.next(), words.next()) else {
            return Ok(client.send_text(message)?);
        };
        let code: u16 = code.parse()?;
        let closed = client.close(code.into(), words.next().unwrap_or_default());
        // After an accepted close this fails, and the client gets nothing.
        let _ = client.send_text(format!("{closed:?}"));
        Ok(())
    }
}

ws_guest::export!(Closing);
