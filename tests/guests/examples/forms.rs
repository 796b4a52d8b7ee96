//! Sends in the form that it is told: `HOW TO TEXT`, with `always`, `never`, `by-length` or a size of
//! frames, and `back`, `everybody` or `topic`.

use std::result::Result as StdResult;

use ws_guest::{
    Acceptance, Client, Compression, Error, Form, Handler, Rejection, Request, Result,
    broadcast_binary_with, broadcast_text_with, clients, publish_binary_with, publish_text_with,
};

/// What all are subscribed to.
const TOPIC: &str = "topic";

#[derive(Default)]
struct Forms;

fn form(how: &str) -> Result<Form> {
    Ok(match how {
        "always" => Compression::Always.into(),
        "never" => Compression::Never.into(),
        "by-length" => Form::default(),
        size => Form { compression: Compression::Always, frame_size: Some(size.parse()?) },
    })
}

impl Handler for Forms {
    /// Sends at once what stands in the query.
    fn connected(&mut self, client: Client, request: &Request) -> StdResult<Acceptance, Rejection> {
        let refusal = |error: &dyn std::fmt::Display| Rejection::new(500, error.to_string());
        client.subscribe(TOPIC).map_err(|error| refusal(&error))?;
        if let Some(text) = &request.query {
            client.send_text_with(text, Compression::Always).map_err(|error| refusal(&error))?;
        }
        Ok(Acceptance::default())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result {
        let mut words = message.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (form, to, text) = (form(word())?, word(), word());
        let octets = text.as_bytes();
        let accepted = match to {
            "back" => {
                client.send_text_with(text, form)?;
                return Ok(client.send_binary_with(octets, form)?);
            }
            "everybody" => {
                broadcast_binary_with(clients(), octets, form)
                    + broadcast_text_with(clients(), text, form)
            }
            "topic" => {
                publish_binary_with(TOPIC, octets, Some(client), form)
                    + publish_text_with(TOPIC, text, None, form)
            }
            other => return Err(Error::msg(format!("nobody is called {other:?}"))),
        };
        Ok(client.send_text_with(&accepted.to_string(), Compression::Never)?)
    }
}

ws_guest::export!(Forms);
