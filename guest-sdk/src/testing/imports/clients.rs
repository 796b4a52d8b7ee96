//! The interface `clients`.

use super::options::{Chosen, SendOptions, resolve};
use super::{Outcome, check_close, word};
use crate::testing::Received;
use crate::testing::current::with;
use crate::testing::fake::Fake;
use crate::{Cause, Message};

const MAX_ATTACHMENT: usize = 16 << 10;

/// The reason that `disconnected` reports after the handler has dropped a connection.
const ABORTED: &str = "the connection was dropped without a close frame";

pub(crate) fn send_text(to: u64, message: &str) -> Outcome {
    with(|fake| enqueue(fake, to, Received::Text(message.to_owned()), None))
}

pub(crate) fn send_binary(to: u64, message: &[u8]) -> Outcome {
    with(|fake| enqueue(fake, to, Received::Binary(message.to_vec()), None))
}

pub(crate) fn send(to: u64, message: Message<'_>, options: Option<&SendOptions>) -> Outcome {
    let chosen = resolve(options)?;
    with(|fake| enqueue(fake, to, received(message), chosen.max_frame))
}

pub(crate) fn broadcast(
    to: &[u64],
    message: Message<'_>,
    options: Option<&SendOptions>,
) -> Vec<u64> {
    match resolve(options) {
        Err(_) => to.to_vec(),
        Ok(chosen) => with(|fake| send_to_all(fake, to, message, &chosen)),
    }
}

pub(crate) fn ping(to: u64, payload: &[u8]) -> Outcome {
    with(|fake| enqueue(fake, to, Received::Ping(payload.to_vec()), None))
}

pub(crate) fn pong(to: u64, payload: &[u8]) -> Outcome {
    with(|fake| enqueue(fake, to, Received::Pong(payload.to_vec()), None))
}

pub(crate) fn close(client: u64, code: u16, reason: &str) -> Outcome {
    with(|fake| {
        let Some(client) = fake.existing(client) else { return Err(word("closed")) };
        check_close(code, reason)?;
        if !client.is_open() {
            return Err(word("closed"));
        }
        client.close(code, reason, Cause::Handler);
        Ok(())
    })
}

pub(crate) fn abort(client: u64) -> bool {
    with(|fake| fake.existing(client).is_some_and(|client| client.abort(Cause::Handler, ABORTED)))
}

pub(crate) fn connected_clients() -> Vec<u64> {
    with(|fake| fake.open_ids(|_| true))
}

pub(crate) fn buffered(client: u64) -> Option<u64> {
    with(|fake| fake.open(client).map(|client| client.buffered as u64))
}

pub(crate) fn attach(client: u64, attachment: &[u8]) -> Outcome {
    with(|fake| {
        let Some(client) = fake.open(client) else { return Err(word("closed")) };
        if attachment.len() > MAX_ATTACHMENT {
            return Err(word("too-long"));
        }
        client.attachment = Some(attachment.to_vec());
        Ok(())
    })
}

pub(crate) fn attachment(client: u64) -> Option<Vec<u8>> {
    with(|fake| fake.known(client).and_then(|client| client.attachment.clone()))
}

fn enqueue(fake: &mut Fake, to: u64, message: Received, max_frame: Option<u32>) -> Outcome {
    let max_outbound = fake.settings.max_outbound;
    let Some(client) = fake.existing(to) else { return Err(word("closed")) };
    client.send(message, max_frame, max_outbound).map_err(word)
}

/// Sends a message to clients, except those that the options exclude. Returns the clients that did not get the message.
pub(in crate::testing) fn send_to_all(
    fake: &mut Fake,
    to: &[u64],
    message: Message<'_>,
    chosen: &Chosen,
) -> Vec<u64> {
    let wanted = to.iter().copied().filter(|id| !chosen.except.contains(id));
    let misses = |id: &u64| enqueue(fake, *id, received(message), chosen.max_frame).is_err();
    wanted.filter(misses).collect()
}

fn received(message: Message<'_>) -> Received {
    match message {
        Message::Text(text) => Received::Text(text.to_owned()),
        Message::Binary(bytes) => Received::Binary(bytes.to_vec()),
    }
}
