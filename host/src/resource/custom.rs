//! Custom messages for actors of a resource. They do not come from a WebSocket client.

use std::sync::Arc;

use super::maintenance::join_all;
use super::{Key, MAX_DELIVERIES, NoLease, Resource};
use crate::actor::Actor;
use crate::clients::ClientId;
use crate::config::InstancePer;
use crate::guest::{CustomInfo, Fault, HandlerReply};
use crate::ownership::Ownership;

/// The actors that get a custom message.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// All actors. If the resource has a fixed number of instances, these include actors that do not exist yet.
    All,
    /// The actor of a path, and the right to run it if it is unique in the cluster. The actor is created if it does not
    /// exist.
    Path(String, Option<Arc<dyn Ownership>>),
    /// The actor of a client.
    Client(ClientId),
}

/// Why a message has no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// The resource does not have one instance per path.
    NotPerPath,
    /// No client with this id is connected.
    NoClient,
    /// The resource has reached its limit on actors.
    NoRoom,
    /// This host is no longer the owner of the actor.
    NotOwner,
    /// The resource is stopping, and the actor does not exist.
    Stopped,
}

impl From<NoLease> for NoTarget {
    fn from(error: NoLease) -> Self {
        match error {
            NoLease::Full(_) => Self::NoRoom,
            NoLease::NotOwner => Self::NotOwner,
            NoLease::Stopped => Self::Stopped,
        }
    }
}

impl Resource {
    /// Delivers a message to each target actor as one event, and returns the replies.
    ///
    /// # Errors
    ///
    /// [`NoTarget`].
    ///
    /// # Cancel safety
    ///
    /// The message is delivered even if the future is dropped. There is one exception: while [`MAX_DELIVERIES`] other
    /// messages are being delivered, this message waits. If the future is dropped during this wait, no actor gets the
    /// message.
    pub(crate) async fn receive_custom(
        self: &Arc<Self>,
        target: Target,
        message: Arc<[u8]>,
        info: CustomInfo,
    ) -> Result<Vec<Result<HandlerReply, Fault>>, NoTarget> {
        let actors = match target {
            Target::All => self.every_actor()?,
            Target::Path(path, ownership) => {
                if self.instance_per != InstancePer::Path {
                    return Err(NoTarget::NotPerPath);
                }
                let key = Key::Path(path.as_str().into());
                match self.lease_actor(key.clone(), ownership.as_ref()) {
                    Ok(lease) => vec![Arc::clone(lease.actor())],
                    // A running actor still gets messages when its resource is no longer served. An actor that is
                    // unique in the cluster does not, because another host may start the actor again.
                    Err(NoLease::Stopped) if ownership.is_none() => {
                        vec![self.running_actor(&key).ok_or(NoTarget::Stopped)?]
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Target::Client(client) => {
                let has_client = |actor: &Arc<Actor>| actor.clients().find(client).is_some();
                vec![self.actors().into_iter().find(has_client).ok_or(NoTarget::NoClient)?]
            }
        };
        let number = u32::try_from(actors.len()).unwrap_or(MAX_DELIVERIES).min(MAX_DELIVERIES);
        let permits = Arc::clone(&self.deliveries).acquire_many_owned(number).await;
        // Acquiring cannot fail, because the semaphore is never closed. The permits are held until the last actor has
        // got the message.
        let permits = Arc::new(permits.map_err(|_| NoTarget::NoRoom)?);
        // All deliveries begin to wait for their turns immediately, so messages keep their order. A handler that sleeps
        // delays only its own clients.
        let start = |actor: Arc<Actor>| {
            let (message, info) = (Arc::clone(&message), info.clone());
            let (permits, receiver) = (Arc::clone(&permits), Arc::clone(&actor));
            actor.worker().run(async move {
                let reply = deliver(&receiver, &message, info).await;
                drop(permits);
                reply
            })
        };
        let deliveries = actors.into_iter().map(start).collect();
        Ok(join_all(deliveries).await)
    }

    /// Returns all actors. If their number is fixed, creates those that do not exist yet, unless the resource is
    /// stopping.
    fn every_actor(self: &Arc<Self>) -> Result<Vec<Arc<Actor>>, NoTarget> {
        let InstancePer::Resource { instances } = self.instance_per else {
            return Ok(self.actors());
        };
        let lease = |number| self.lease_actor(Key::Number(number), None);
        let actor = |number| lease(number).map(|lease| Arc::clone(lease.actor()));
        match (0..instances.get()).map(actor).collect() {
            Err(NoLease::Stopped) => Ok(self.actors()),
            made => Ok(made?),
        }
    }

    fn running_actor(&self, key: &Key) -> Option<Arc<Actor>> {
        self.table.lock().actors.get(key).map(|entry| Arc::clone(&entry.actor))
    }
}

async fn deliver(
    actor: &Arc<Actor>,
    message: &[u8],
    info: CustomInfo,
) -> Result<HandlerReply, Fault> {
    let reply = actor.turn().await.call_received_custom(message.to_vec(), info).await;
    if let Err(fault) = &reply {
        actor.report_fault(None, fault);
    }
    reply
}
