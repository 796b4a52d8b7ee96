//! The interface `tags`.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::Linker;
use ws_host_protocol::{CloseFrame, SharedMessage};

use super::error_names::{ErrorName, outcome};
use super::text::Text;
use super::to_many::{FoundGroup, GroupKind, charge_and_yield, deliver_to_group, send_to_group};
use super::{Outcome, State, Store, check_ownership, existing_id};
use crate::actor_resources::ActorResources;
use crate::clients::{ClientId, CloseError};
use crate::slice;
use crate::topics::{Group, QueuedBroadcast, Remote, TagError, Topics, is_valid_name};

const TAGS: &str = "ws-host:socket/tags@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut tags = linker.instance(TAGS)?;
    tags.func_wrap("tag", tag)?;
    tags.func_wrap("untag", untag)?;
    tags.func_wrap("tags-of", tags_of)?;
    tags.func_wrap_async("clients-of", |store, call| Box::new(clients_of(store, call)))?;
    tags.func_wrap_async("send-tagged", |store, call| {
        Box::new(send_to_group(store, call, Tagged))
    })?;
    tags.func_wrap_async("close-tagged", |store, call| Box::new(close_tagged(store, call)))
}

fn tag(store: Store<'_>, (client, tag): (u64, Text)) -> Result<Outcome> {
    check_ownership(&store)?;
    let tag = tag.to_str(&store)?;
    let resources = &store.data().resources;
    Ok(outcome(match resources.clients.find(ClientId(client)) {
        Some(client) => resources.topics.tags().tag(&client, &tag),
        None => Err(TagError::Closed),
    }))
}

fn untag(store: Store<'_>, (client, tag): (u64, Text)) -> Result<(bool,)> {
    check_ownership(&store)?;
    let tag = tag.to_str(&store)?;
    let tags = store.data().resources.topics.tags();
    Ok((existing_id(&store, client).is_some_and(|client| tags.untag(client, &tag)),))
}

fn tags_of(store: Store<'_>, (client,): (u64,)) -> Result<(Vec<String>,)> {
    let tags = store.data().resources.topics.tags();
    Ok((existing_id(&store, client).map(|client| tags.tags_of(client)).unwrap_or_default(),))
}

async fn clients_of(mut store: Store<'_>, (tag,): (Text,)) -> Result<(Vec<u64>,)> {
    let resources = Arc::clone(&store.data().resources);
    let tag = tag.to_str(&store)?.into_owned();
    let mut found = Vec::new();
    for client in resources.topics.tags().clients_of(&tag, &resources.clients) {
        found.extend(client.map(|ClientId(id)| id));
        if slice::is_over() {
            charge_and_yield(&mut store).await?;
        }
    }
    Ok((found,))
}

async fn close_tagged(store: Store<'_>, (tag, code, reason): (Text, u16, Text)) -> Result<Outcome> {
    check_ownership(&store)?;
    let group = match Tagged.find(&store.data().resources.topics, &tag.to_str(&store)?) {
        Ok(group) => group,
        Err(error_name) => return Ok((Err(error_name),)),
    };
    let frame = match CloseFrame::new(code, &*reason.to_str(&store)?) {
        Ok(frame) => frame,
        Err(error) => return Ok((Err(CloseError::from(error).as_str()),)),
    };
    deliver_to_group(store, group, |store, group| {
        Ok(store.data().resources.topics.tags().close_all(group, frame))
    })
    .await
}

/// The kind of group that consists of the clients with a tag.
struct Tagged;

impl GroupKind for Tagged {
    fn find(&self, topics: &Topics, tag: &str) -> FoundGroup {
        match is_valid_name(tag) {
            true => Ok(topics.tags().find(tag)),
            false => Err(TagError::InvalidTag.as_str()),
        }
    }

    fn remote<'a>(&self, _: &'a Topics) -> Option<&'a Arc<dyn Remote>> {
        None
    }

    fn send(
        &self,
        resources: &ActorResources,
        group: &Group,
        message: SharedMessage,
        except: &[ClientId],
    ) -> QueuedBroadcast {
        resources.topics.tags().send_to(group, message, except)
    }
}
