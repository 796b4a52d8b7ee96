//! The interface `handshake`.

use super::{Outcome, word};
use crate::testing::current::with;
use crate::testing::handshake::HandshakeResponse;

pub(crate) fn choose_subprotocol(client: u64, name: &str) -> Outcome {
    let is_offered = with(|fake| {
        let offered = |name| move |it: &String| it == name;
        fake.known(client)
            .is_some_and(|client| client.request.subprotocols.iter().any(offered(name)))
    });
    change(client, |response| {
        if !is_offered {
            return Err("not-offered");
        }
        response.subprotocol = Some(name.to_owned());
        Ok(())
    })
}

pub(crate) fn add_header(client: u64, name: &str, value: &str) -> Outcome {
    change(client, |response| response.add_header(name, value))
}

pub(crate) fn set_status(client: u64, status: u16) -> Outcome {
    change(client, |response| response.set_status(status))
}

pub(crate) fn set_body(client: u64, content_type: &str, body: &[u8]) -> Outcome {
    change(client, |response| response.set_body(content_type, body))
}

/// Changes the response to a client, if the client's `connected` event is running.
fn change(
    client: u64,
    change: impl FnOnce(&mut HandshakeResponse) -> Result<(), &'static str>,
) -> Outcome {
    with(|fake| match &mut fake.event.connecting {
        Some((connecting, response)) if *connecting == client => change(response).map_err(word),
        _ => Err(word("not-connecting")),
    })
}
