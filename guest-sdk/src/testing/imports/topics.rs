//! The interface `topics`.

use super::clients::send_to_all;
use super::options::{SendOptions, resolve};
use super::{Outcome, is_valid_name, word};
use crate::Message;
use crate::testing::current::with;

const MAX_SUBSCRIPTIONS: usize = 128;

pub(crate) fn subscribe(client: u64, topic: &str) -> Outcome {
    with(|fake| {
        let Some(client) = fake.existing(client) else { return Err(word("closed")) };
        if !is_valid_name(topic) {
            return Err(word("invalid-topic"));
        }
        if !client.is_open() {
            return Err(word("closed"));
        }
        if client.topics.iter().any(|own| own == topic) {
            return Ok(());
        }
        if client.topics.len() >= MAX_SUBSCRIPTIONS {
            return Err(word("too-many"));
        }
        client.topics.push(topic.to_owned());
        Ok(())
    })
}

pub(crate) fn unsubscribe(client: u64, topic: &str) -> bool {
    with(|fake| {
        let Some(client) = fake.existing(client) else { return false };
        let before = client.topics.len();
        client.topics.retain(|own| own != topic);
        client.topics.len() < before
    })
}

pub(crate) fn unsubscribe_all(client: u64) -> u32 {
    with(|fake| {
        let topics = fake.existing(client).map(|client| std::mem::take(&mut client.topics));
        topics.map_or(0, |topics| u32::try_from(topics.len()).unwrap_or(u32::MAX))
    })
}

pub(crate) fn topics_of(client: u64) -> Vec<String> {
    with(|fake| {
        let mut topics = fake.existing(client).map_or(Vec::new(), |client| client.topics.clone());
        topics.sort();
        topics
    })
}

pub(crate) fn subscribers(topic: &str) -> u32 {
    with(|fake| {
        let is_subscribed = |topics: &[String]| topics.iter().any(|own| own == topic);
        let count = fake.clients.values().filter(|client| is_subscribed(&client.topics)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    })
}

pub(crate) fn publish(topic: &str, message: Message<'_>, options: Option<&SendOptions>) -> Outcome {
    let chosen = resolve(options)?;
    if !is_valid_name(topic) {
        return Err(word("invalid-topic"));
    }
    with(|fake| {
        let to = fake.open_ids(|client| client.topics.iter().any(|own| own == topic));
        // A subscriber whose outbound buffer is full misses the message.
        send_to_all(fake, &to, message, &chosen);
    });
    Ok(())
}
