//! The interface `topics`.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::Linker;
use ws_host_protocol::SharedMessage;

use super::error_names::{ErrorName, outcome};
use super::text::Text;
use super::to_many::{FoundGroup, GroupKind, send_to_group};
use super::{Outcome, State, Store, check_ownership, existing_id};
use crate::actor_resources::ActorResources;
use crate::clients::ClientId;
use crate::topics::{Group, QueuedBroadcast, Remote, SubscribeError, Topics, is_valid_name};

const TOPICS: &str = "ws-host:socket/topics@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut topics = linker.instance(TOPICS)?;
    topics.func_wrap("subscribe", subscribe)?;
    topics.func_wrap("unsubscribe", unsubscribe)?;
    topics.func_wrap("unsubscribe-all", unsubscribe_all)?;
    topics.func_wrap("topics-of", topics_of)?;
    topics.func_wrap("subscribers", subscribers)?;
    topics
        .func_wrap_async("publish", |store, call| Box::new(send_to_group(store, call, Subscribers)))
}

/// The kind of group that consists of the subscribers of a topic.
struct Subscribers;

impl GroupKind for Subscribers {
    fn find(&self, topics: &Topics, name: &str) -> FoundGroup {
        match is_valid_name(name) {
            true => Ok(topics.find(name)),
            false => Err(SubscribeError::InvalidTopic.as_str()),
        }
    }

    fn remote<'a>(&self, topics: &'a Topics) -> Option<&'a Arc<dyn Remote>> {
        topics.remote()
    }

    fn send(
        &self,
        resources: &ActorResources,
        group: &Group,
        message: SharedMessage,
        except: &[ClientId],
    ) -> QueuedBroadcast {
        resources.topics.publish_to(group, message, except, resources.ownership.as_ref())
    }
}

fn subscribe(store: Store<'_>, (client, topic): (u64, Text)) -> Result<Outcome> {
    check_ownership(&store)?;
    let topic = topic.to_str(&store)?;
    let resources = &store.data().resources;
    Ok(outcome(match resources.find(ClientId(client)) {
        Some(client) => resources.topics.subscribe(&client, &topic),
        None => Err(SubscribeError::Closed),
    }))
}

fn unsubscribe(store: Store<'_>, (client, topic): (u64, Text)) -> Result<(bool,)> {
    check_ownership(&store)?;
    let topic = topic.to_str(&store)?;
    let topics = &store.data().resources.topics;
    Ok((existing_id(&store, client).is_some_and(|client| topics.unsubscribe(client, &topic)),))
}

fn unsubscribe_all(store: Store<'_>, (client,): (u64,)) -> Result<(u32,)> {
    check_ownership(&store)?;
    let topics = &store.data().resources.topics;
    let count = existing_id(&store, client).map_or(0, |client| topics.unsubscribe_all(client));
    Ok((u32::try_from(count).unwrap_or(u32::MAX),))
}

fn topics_of(store: Store<'_>, (client,): (u64,)) -> Result<(Vec<String>,)> {
    let topics = &store.data().resources.topics;
    Ok((existing_id(&store, client).map(|client| topics.topics_of(client)).unwrap_or_default(),))
}

fn subscribers(store: Store<'_>, (topic,): (Text,)) -> Result<(u32,)> {
    let topic = topic.to_str(&store)?;
    let count = store.data().resources.topics.subscribers(&topic);
    Ok((u32::try_from(count).unwrap_or(u32::MAX),))
}
