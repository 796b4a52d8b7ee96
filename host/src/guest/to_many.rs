//! What a guest does with many clients, in slices of time. A message to them is framed once, and only if anybody is
//! there to get it.

use std::sync::Arc;

use wasmtime::component::WasmList;
use wasmtime::{Result, StoreContextMut};
use ws_host_protocol::{Form, SharedMessage};

use super::state::State;
use super::text::Text;
use crate::clients::ClientId;
use crate::slice;
use crate::topics::Progress;

/// A message in the guest's memory.
pub(super) trait Message: Sync {
    /// Checks, copies and frames it.
    fn frame(&self, store: &StoreContextMut<'_, State>) -> Result<SharedMessage>;
}

impl Message for Text {
    fn frame(&self, store: &StoreContextMut<'_, State>) -> Result<SharedMessage> {
        Ok(SharedMessage::text(&self.to_str(store)?))
    }
}

impl Message for WasmList<u8> {
    fn frame(&self, store: &StoreContextMut<'_, State>) -> Result<SharedMessage> {
        Ok(SharedMessage::binary(self.as_le_slice(store)))
    }
}

/// Sends to clients of this actor. Answers how many took it.
pub(super) async fn broadcast(
    mut store: StoreContextMut<'_, State>,
    to: &WasmList<u64>,
    message: &impl Message,
    form: Form,
) -> Result<(u32,)> {
    let belongings = Arc::clone(&store.data().belongings);
    let mut framed = None;
    let mut accepted = 0_u32;
    let mut at = 0;
    while let Some(id) = to.as_le_slice(&store).get(at).copied() {
        at += 1;
        if let Some(client) = belongings.clients.find(ClientId(u64::from_le(id)))
            && client.is_open()
        {
            let shared = match &framed {
                Some(shared) => shared,
                None => framed.insert(message.frame(&store)?.with_form(form)),
            };
            accepted = accepted.saturating_add(u32::from(client.send_shared(shared).is_ok()));
        }
        if slice::is_over() {
            pass_on(&mut store).await?;
        }
    }
    Ok((accepted,))
}

/// Sends to the subscribers of a topic. Answers to how many it goes.
pub(super) async fn publish(
    mut store: StoreContextMut<'_, State>,
    topic: &Text,
    message: &impl Message,
    apart_from: Option<u64>,
    form: Form,
) -> Result<(u32,)> {
    let topics = Arc::clone(&store.data().belongings.topics);
    let Some(topic) = topics.find(&topic.to_str(&store)?) else { return Ok((0,)) };
    topic.room().await;
    let message = message.frame(&store)?.with_form(form);
    let published = topics.publish_to(&topic, message, apart_from.map(ClientId));
    loop {
        match published.deliver() {
            Progress::Done => break,
            Progress::SliceIsOver => pass_on(&mut store).await?,
            // Whose messages these are has been charged for them, or will be.
            Progress::Behind => slice::pass_on().await,
        }
    }
    Ok((u32::try_from(published.subscribers()).unwrap_or(u32::MAX),))
}

/// The clients of this actor that a message to would not answer `closed`.
pub(super) async fn connected_clients(
    mut store: StoreContextMut<'_, State>,
) -> Result<(Vec<u64>,)> {
    let mut open = Vec::new();
    for client in store.data().belongings.clients.all() {
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
async fn pass_on(store: &mut StoreContextMut<'_, State>) -> Result<()> {
    store.data_mut().meter.charge()?;
    slice::pass_on().await;
    Ok(())
}
