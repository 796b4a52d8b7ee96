//! Closes: from `connected` (`?close`), or by `close CODE REASON`, and tells what came of it.

use ws_guest::{Acceptance, Client, CloseCode, Handler, Rejection, Request, Result};

#[derive(Default)]
struct Closing;

impl Handler for Closing {
    fn connected(
        &mut self,
        client: Client,
        request: &Request,
    ) -> std::result::Result<Acceptance, Rejection> {
        if request.query.as_deref() == Some("close") {
            let _ = client.send_text("goodbye");
            let _ = client.close(CloseCode::Other(4000), "not today");
        }
        Ok(Acceptance::default())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result {
        let mut words = message.splitn(3, ' ');
        let (Some("close"), Some(code)) = (words.next(), words.next()) else {
            return Ok(client.send_text(&message)?);
        };
        let code: u16 = code.parse()?;
        let closed = client.close(code.into(), words.next().unwrap_or_default());
        // After a close that was accepted this is refused, and nobody hears of it.
        let _ = client.send_text(&format!("{closed:?}"));
        Ok(())
    }
}

ws_guest::export!(Closing);
