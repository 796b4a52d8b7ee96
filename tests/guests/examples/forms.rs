//! Sends as a message says: `HOW TO TEXT`, where HOW is `always`, `never`, `by-length` or a size of frames, and TO is
//! `back`, `everybody` or `topic`.

use ws_guest::{
    Client, Compression, Error, Handler, Handshake, Rejection, SendOptions, broadcast_with,
    clients, publish_with, subscribers,
};

/// The topic that all clients subscribe to.
const TOPIC: &str = "topic";

#[derive(Default)]
struct Forms;

fn options(how: &str) -> Result<SendOptions, Error> {
    Ok(match how {
        "always" => SendOptions::new().compression(Compression::Always),
        "never" => SendOptions::new().compression(Compression::Never),
        "by-length" => SendOptions::new(),
        size => SendOptions::new().compression(Compression::Always).max_frame(size.parse()?),
    })
}

impl Handler for Forms {
    /// Sends the query at once.
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        client.subscribe(TOPIC)?;
        if let Some(text) = handshake.request().query() {
            client.send(&text, &options("always")?)?;
        }
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let mut words = message.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (how, to, text) = (word(), word(), word());
        let (options_of_all, bytes) = (options(how)?, text.as_bytes());
        let count = match to {
            "back" => {
                client.send(text, &options_of_all)?;
                return Ok(client.send(bytes, &options_of_all)?);
            }
            "everybody" => {
                let all = clients();
                let missed = [
                    broadcast_with(&all, bytes, &options_of_all),
                    broadcast_with(&all, text, &options_of_all),
                ];
                2 * all.len() - missed.concat().len()
            }
            "topic" => {
                publish_with(TOPIC, bytes, &options(how)?.except([client])?)?;
                publish_with(TOPIC, text, &options_of_all)?;
                subscribers(TOPIC) as usize
            }
            other => return Err(Error::msg(format!("nobody is called {other:?}"))),
        };
        Ok(client.send(&count.to_string(), &options("never")?)?)
    }
}

ws_guest::export!(Forms);
