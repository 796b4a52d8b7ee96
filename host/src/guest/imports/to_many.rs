//! What a guest does with many clients, in slices of time. A message to them is framed once, and only if anybody is
//! there to get it.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::WasmList;

use super::Store;
use super::message::Message;
use super::options::SendOptions;
use super::text::Text;
use crate::clients::ClientId;
use crate::slice;
use crate::topics::{Progress, Publication, is_valid_name};

/// Sends to clients of this actor. Answers who missed it.
pub(super) async fn broadcast(
    mut store: Store<'_>,
    to: &WasmList<u64>,
    message: &Message,
    options: &SendOptions,
) -> Result<Vec<u64>> {
    let resources = Arc::clone(&store.data().resources);
    let (mut framed, mut missed) = (None, Vec::new());
    let mut at = 0;
    while let Some(id) = to.as_le_slice(&store).get(at).copied().map(u64::from_le) {
        at += 1;
        if slice::is_over() {
            pass_on(&mut store).await?;
        }
        if options.except.binary_search(&ClientId(id)).is_ok() {
            continue;
        }
        let client = resources.clients.find(ClientId(id)).filter(|client| client.is_open());
        let sent = match client {
            None => false,
            Some(client) => {
                let shared = match &framed {
                    Some(shared) => shared,
                    None => framed.insert(message.frame(&store)?.with_form(options.form)),
                };
                client.send_shared(shared).is_ok()
            }
        };
        if !sent {
            missed.push(id);
        }
    }
    Ok(missed)
}

/// Sends to the subscribers of a topic.
pub(super) async fn publish(
    mut store: Store<'_>,
    topic: &Text,
    message: &Message,
    options: &SendOptions,
) -> Result<std::result::Result<(), &'static str>> {
    let topics = Arc::clone(&store.data().resources.topics);
    let found = {
        let name = topic.to_str(&store)?;
        if !is_valid_name(&name) {
            return Ok(Err("invalid-topic"));
        }
        topics.find(&name)
    };
    let Some(topic) = found else { return Ok(Ok(())) };
    topic.wait_for_capacity().await;
    let message = message.frame(&store)?.with_form(options.form);
    deliver(&mut store, &topics.publish_to(&topic, message, &options.except)).await?;
    Ok(Ok(()))
}

/// Delivers to the members on this worker: what one event does takes effect in its order.
pub(super) async fn deliver(store: &mut Store<'_>, published: &Publication) -> Result<()> {
    loop {
        match published.deliver() {
            Progress::Done => return Ok(()),
            Progress::SliceOver => pass_on(store).await?,
            // Whose messages these are has been charged for them, or will be.
            Progress::Queued => slice::yield_now().await,
        }
    }
}

/// The clients of this actor that a message to would not answer `closed`.
pub(super) async fn connected_clients(mut store: Store<'_>) -> Result<(Vec<u64>,)> {
    let mut open = Vec::new();
    for client in store.data().resources.clients.all() {
        if client.is_open() {
            open.push(client.id().0);
        }
        if slice::is_over() {
            pass_on(&mut store).await?;
        }
    }
    Ok((open,))
}

/// Lets others go on in the middle of what the guest has asked for, which it is charged for.
pub(super) async fn pass_on(store: &mut Store<'_>) -> Result<()> {
    store.data_mut().meter.charge()?;
    slice::yield_now().await;
    Ok(())
}
