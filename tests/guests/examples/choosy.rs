//! Accepts or rejects clients, as their query says.

use ws_guest::{Client, Handler, Handshake, Rejection};

#[derive(Default)]
struct Choosy;

impl Handler for Choosy {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let query = handshake.request().query().unwrap_or_default();
        match query.split_once('=') {
            Some(("reject", status)) => {
                return Err(Rejection::new(status.parse().unwrap_or(0), "go away\n"));
            }
            Some(("subscribe-and-reject", topic)) => {
                client.subscribe(topic)?;
                return Err(Rejection::new(403, "go away\n"));
            }
            Some(("subscribe-and-panic", topic)) => {
                client.subscribe(topic)?;
                panic!("asked to panic");
            }
            Some(("redirect", to)) => return Err(Rejection::new(302, "").header("Location", to)),
            Some(("page", words)) => {
                let page = format!("<p>{words}</p>\n");
                return Err(Rejection::new(403, "").body("text/html; charset=utf-8", page));
            }
            Some(("reject-with-header", name)) => {
                return Err(Rejection::new(403, "go away\n").header(name, "set"));
            }
            Some(("subprotocol", name)) => handshake.choose_subprotocol(name)?,
            Some(("header", name)) => handshake.add_header(name, "set")?,
            Some(("value", hex)) => {
                let value = char::from(u8::from_str_radix(hex, 16).unwrap_or(0)).to_string();
                handshake.add_header("x-value", value)?;
            }
            _ => {}
        }
        Ok(client.send_text("welcome")?)
    }
}

ws_guest::export!(Choosy);
