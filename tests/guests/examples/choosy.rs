//! Lets clients in or not, as their query says.

use ws_guest::{Acceptance, Client, Handler, Rejection, Request};

#[derive(Default)]
struct Choosy;

impl Handler for Choosy {
    fn connected(
        &mut self,
        client: Client,
        request: &Request,
    ) -> std::result::Result<Acceptance, Rejection> {
        let query = request.query.as_deref().unwrap_or_default();
        let mut acceptance = Acceptance::default();
        match query.split_once('=') {
            Some(("reject", status)) => {
                return Err(Rejection::new(status.parse().unwrap_or(0), "go away\n"));
            }
            Some(("subscribe-and-reject", topic)) => {
                let _ = client.subscribe(topic);
                return Err(Rejection::new(403, "go away\n"));
            }
            Some(("subscribe-and-panic", topic)) => {
                let _ = client.subscribe(topic);
                panic!("told to panic");
            }
            Some(("subprotocol", name)) => acceptance.subprotocol = Some(name.to_owned()),
            Some(("header", name)) => acceptance.headers.push((name.to_owned(), "set".to_owned())),
            Some(("value", hex)) => {
                let value = char::from(u8::from_str_radix(hex, 16).unwrap_or(0)).to_string();
                acceptance.headers.push(("x-value".to_owned(), value));
            }
            _ => {}
        }
        let _ = client.send_text("welcome");
        Ok(acceptance)
    }
}

ws_guest::export!(Choosy);
