//! Imports that reach many clients. They yield at the end of each time slice. A message is framed only once for all
//! clients, and not at all if no client will get it.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::WasmList;
use ws_host_protocol::SharedMessage;

use super::message::Message;
use super::send_options::{SendOptions, SendOptionsHandle, resolve};
use super::text::Text;
use super::{Outcome, Store, check_ownership};
use crate::actor_resources::ActorResources;
use crate::clients::ClientId;
use crate::guest::waits::in_time;
use crate::slice;
use crate::topics::{Group, Progress, QueuedBroadcast, Remote, Topics};

/// After how many clients the sending functions check again that this host still owns the actor.
const CHECKED_EVERY: usize = 64;

/// The group with this name. `None` if the group has no members. If the name is invalid, the error is one of the
/// contract's error names.
pub(super) type FoundGroup = std::result::Result<Option<Arc<Group>>, &'static str>;

/// The kind of a group: a topic or a tag.
pub(super) trait GroupKind {
    /// Returns the group with this name.
    fn find(&self, topics: &Topics, name: &str) -> FoundGroup;

    /// Returns the other hosts. Returns `None` if there are none, or if a group of this kind never has members on other
    /// hosts.
    fn remote<'a>(&self, topics: &'a Topics) -> Option<&'a Arc<dyn Remote>>;

    /// Queues a message for the members of a group.
    fn send(
        &self,
        resources: &ActorResources,
        group: &Group,
        message: SharedMessage,
        except: &[ClientId],
    ) -> QueuedBroadcast;
}

/// Sends a message to clients of this actor. Returns the clients that did not get the message.
pub(super) async fn send_to_clients(
    mut store: Store<'_>,
    to: &WasmList<u64>,
    message: &Message,
    options: &SendOptions,
) -> Result<Vec<u64>> {
    let resources = Arc::clone(&store.data().resources);
    let (mut framed, mut missed) = (None, Vec::new());
    let mut next = 0;
    while let Some(id) = to.as_le_slice(&store).get(next).copied().map(u64::from_le) {
        next += 1;
        if slice::is_over() {
            charge_and_yield(&mut store).await?;
        } else if next % CHECKED_EVERY == 0 {
            // If the host process was paused, `is_over` notices the lost time only at the next tick.
            check_ownership(&store)?;
        }
        if options.except.binary_search(&ClientId(id)).is_ok() {
            continue;
        }
        let client = resources.find(ClientId(id)).filter(|client| client.is_open());
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

/// Sends a message to the members of a group: the subscribers of a topic, or the clients that have a tag.
///
/// If the group has no member on this host, the message goes only to other hosts, if there are any.
pub(super) async fn send_to_group(
    store: Store<'_>,
    (name, message, options): (Text, Message, Option<SendOptionsHandle>),
    kind: impl GroupKind,
) -> Result<Outcome> {
    check_ownership(&store)?;
    let options = match resolve(&store, options.as_ref()) {
        Ok(options) => options,
        Err(error_name) => return Ok((Err(error_name),)),
    };
    let group = match kind.find(&store.data().resources.topics, &name.to_str(&store)?) {
        Ok(group) => group,
        Err(error_name) => return Ok((Err(error_name),)),
    };
    if group.is_none() {
        if let Some(remote) = kind.remote(&store.data().resources.topics) {
            let message = message.frame(&store)?.with_form(options.form);
            let publisher = store.data().resources.ownership.as_ref();
            remote.publish(&name.to_str(&store)?, &message, publisher);
        }
        return Ok((Ok(()),));
    }
    deliver_to_group(store, group, |store, group| {
        let message = message.frame(store)?.with_form(options.form);
        Ok(kind.send(&store.data().resources, group, message, &options.except))
    })
    .await
}

/// Waits until the queues of a group have room, enqueues something with `enqueue`, and delivers it to the members on
/// this worker. Does nothing without a group.
pub(super) async fn deliver_to_group(
    mut store: Store<'_>,
    group: Option<Arc<Group>>,
    enqueue: impl FnOnce(&Store<'_>, &Group) -> Result<QueuedBroadcast>,
) -> Result<Outcome> {
    if let Some(group) = group {
        in_time(store.data().meter.budget(), group.wait_for_capacity()).await?;
        // The wait may have been long, so ownership is checked again.
        check_ownership(&store)?;
        let publication = enqueue(&store, &group)?;
        deliver(&mut store, &publication).await?;
    }
    Ok((Ok(()),))
}

/// Delivers to the members on this worker before the import returns, so that all effects of an event happen in order.
async fn deliver(store: &mut Store<'_>, publication: &QueuedBroadcast) -> Result<()> {
    loop {
        match publication.deliver() {
            Progress::Done => return Ok(()),
            Progress::SliceOver => charge_and_yield(store).await?,
            // The guest is not charged, because the time is spent on earlier publications, whose senders have already
            // been charged.
            Progress::Queued => in_time(store.data().meter.budget(), slice::yield_now()).await?,
        }
    }
}

/// Returns the open clients of this actor. A send to one of them does not fail with `closed`.
pub(super) async fn connected_clients(mut store: Store<'_>) -> Result<(Vec<u64>,)> {
    let mut open = Vec::new();
    for client in store.data().resources.clients.all() {
        if client.is_open() {
            open.push(client.id().0);
        }
        if slice::is_over() {
            charge_and_yield(&mut store).await?;
        }
    }
    Ok((open,))
}

/// Charges the guest for the work that the host has done for it so far, and then lets other tasks of the worker run.
pub(super) async fn charge_and_yield(store: &mut Store<'_>) -> Result<()> {
    store.data_mut().meter.charge()?;
    slice::yield_now().await;
    check_ownership(store)
}
