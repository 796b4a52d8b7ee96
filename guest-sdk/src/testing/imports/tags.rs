//! The interface `tags`.

use super::clients::send_to_all;
use super::options::{SendOptions, resolve};
use super::{Outcome, check_close, is_valid_name, word};
use crate::testing::current::with;
use crate::{Cause, Message};

const MAX_TAGS: usize = 32;

pub(crate) fn tag(client: u64, tag: &str) -> Outcome {
    with(|fake| {
        let Some(client) = fake.existing(client) else { return Err(word("closed")) };
        if !is_valid_name(tag) {
            return Err(word("invalid-tag"));
        }
        if !client.is_open() {
            return Err(word("closed"));
        }
        if client.tags.iter().any(|own| own == tag) {
            return Ok(());
        }
        if client.tags.len() >= MAX_TAGS {
            return Err(word("too-many"));
        }
        client.tags.push(tag.to_owned());
        Ok(())
    })
}

pub(crate) fn untag(client: u64, tag: &str) -> bool {
    with(|fake| {
        let Some(client) = fake.existing(client) else { return false };
        let before = client.tags.len();
        client.tags.retain(|own| own != tag);
        client.tags.len() < before
    })
}

pub(crate) fn tags_of(client: u64) -> Vec<String> {
    with(|fake| {
        let mut tags = fake.existing(client).map_or(Vec::new(), |client| client.tags.clone());
        tags.sort();
        tags
    })
}

pub(crate) fn clients_of(tag: &str) -> Vec<u64> {
    with(|fake| fake.open_ids(|client| client.tags.iter().any(|own| own == tag)))
}

pub(crate) fn send_tagged(
    tag: &str,
    message: Message<'_>,
    options: Option<&SendOptions>,
) -> Outcome {
    let chosen = resolve(options)?;
    if !is_valid_name(tag) {
        return Err(word("invalid-tag"));
    }
    let to = clients_of(tag);
    // A client whose outbound buffer is full misses the message.
    with(|fake| send_to_all(fake, &to, message, &chosen));
    Ok(())
}

pub(crate) fn close_tagged(tag: &str, code: u16, reason: &str) -> Outcome {
    if !is_valid_name(tag) {
        return Err(word("invalid-tag"));
    }
    check_close(code, reason)?;
    let to = clients_of(tag);
    with(|fake| {
        for id in to {
            if let Some(client) = fake.open(id) {
                client.close(code, reason, Cause::Handler);
            }
        }
    });
    Ok(())
}
