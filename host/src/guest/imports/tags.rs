//! The interface `tags`.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::Linker;
use ws_host_protocol::CloseFrame;

use super::message::Message;
use super::options::{Handle, chosen};
use super::text::Text;
use super::to_many::{deliver, pass_on};
use super::words::{Word, done};
use super::{Done, State, Store, ours};
use crate::clients::{ClientId, CloseError};
use crate::slice;
use crate::topics::{TagError, is_valid_name};

const TAGS: &str = "ws-host:socket/tags@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut tags = linker.instance(TAGS)?;
    tags.func_wrap("tag", tag)?;
    tags.func_wrap("untag", untag)?;
    tags.func_wrap("tags-of", tags_of)?;
    tags.func_wrap_async("clients-of", |store, call| Box::new(clients_of(store, call)))?;
    tags.func_wrap_async("send-tagged", |store, call| Box::new(send_tagged(store, call)))?;
    tags.func_wrap_async("close-tagged", |store, call| Box::new(close_tagged(store, call)))
}

fn tag(store: Store<'_>, (client, tag): (u64, Text)) -> Result<Done> {
    let tag = tag.to_str(&store)?;
    let resources = &store.data().resources;
    Ok(done(match resources.clients.find(ClientId(client)) {
        Some(client) => resources.topics.tags().tag(&client, &tag),
        None => Err(TagError::Closed),
    }))
}

fn untag(store: Store<'_>, (client, tag): (u64, Text)) -> Result<(bool,)> {
    let tag = tag.to_str(&store)?;
    let tags = store.data().resources.topics.tags();
    Ok((ours(&store, client).is_some_and(|client| tags.untag(client, &tag)),))
}

fn tags_of(store: Store<'_>, (client,): (u64,)) -> Result<(Vec<String>,)> {
    let tags = store.data().resources.topics.tags();
    Ok((ours(&store, client).map(|client| tags.tags_of(client)).unwrap_or_default(),))
}

async fn clients_of(mut store: Store<'_>, (tag,): (Text,)) -> Result<(Vec<u64>,)> {
    let resources = Arc::clone(&store.data().resources);
    let tag = tag.to_str(&store)?.into_owned();
    let mut found = Vec::new();
    for client in resources.topics.tags().clients_of(&tag, &resources.clients) {
        found.extend(client.map(|ClientId(id)| id));
        if slice::is_over() {
            pass_on(&mut store).await?;
        }
    }
    Ok((found,))
}

async fn send_tagged(
    mut store: Store<'_>,
    (tag, message, options): (Text, Message, Option<Handle>),
) -> Result<Done> {
    let options = match chosen(&store, options.as_ref()) {
        Ok(options) => options,
        Err(word) => return Ok((Err(word),)),
    };
    let topics = Arc::clone(&store.data().resources.topics);
    let found = {
        let tag = tag.to_str(&store)?;
        if !is_valid_name(&tag) {
            return Ok(done(Err(TagError::InvalidTag)));
        }
        topics.tags().find(&tag)
    };
    let Some(tagged) = found else { return Ok((Ok(()),)) };
    tagged.wait_for_capacity().await;
    let message = message.frame(&store)?.with_form(options.form);
    deliver(&mut store, &topics.tags().send_to(&tagged, message, &options.except)).await?;
    Ok((Ok(()),))
}

async fn close_tagged(
    mut store: Store<'_>,
    (tag, code, reason): (Text, u16, Text),
) -> Result<Done> {
    let topics = Arc::clone(&store.data().resources.topics);
    let (found, frame) = {
        let tag = tag.to_str(&store)?;
        if !is_valid_name(&tag) {
            return Ok(done(Err(TagError::InvalidTag)));
        }
        match CloseFrame::new(code, &*reason.to_str(&store)?) {
            Ok(frame) => (topics.tags().find(&tag), frame),
            Err(error) => return Ok((Err(CloseError::from(error).word()),)),
        }
    };
    let Some(tagged) = found else { return Ok((Ok(()),)) };
    tagged.wait_for_capacity().await;
    deliver(&mut store, &topics.tags().close_all(&tagged, frame)).await?;
    Ok((Ok(()),))
}
