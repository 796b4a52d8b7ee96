//! Messages from outside.

use std::sync::Arc;

use super::maintenance::all;
use super::{Key, MAX_DELIVERIES, Resource};
use crate::actor::Actor;
use crate::clients::ClientId;
use crate::config::InstancePer;
use crate::guest::{CustomInfo, CustomReply, Fault};

/// For which instances a message from outside is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// All that there are; of a resource with a certain number of instances all of them, whether they
    /// have begun or not.
    All,
    /// That of a path, which begins with the message if it has to.
    Path(String),
    /// That of a client.
    Client(ClientId),
}

/// There is no such instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// The resource does not have an instance for each path.
    NotPerPath,
    /// No client of this number is connected.
    NoClient,
    /// There are as many actors as there may be.
    NoRoom,
}

impl Resource {
    /// Brings a message to instances, to each in the order of its events, and gives what came of it.
    ///
    /// # Errors
    ///
    /// [`NoTarget`].
    ///
    /// # Cancel safety
    ///
    /// The message is delivered when the future is dropped, unless so many are under way that it has to wait
    /// for one of them: then nobody gets it.
    pub(crate) async fn receive_custom(
        self: &Arc<Self>,
        target: Target,
        message: Arc<[u8]>,
        info: CustomInfo,
    ) -> Result<Vec<Result<CustomReply, Fault>>, NoTarget> {
        let actors = match target {
            Target::All => self.everybody()?,
            Target::Path(path) => {
                if self.instance_per != InstancePer::Path {
                    return Err(NoTarget::NotPerPath);
                }
                let key = Key::Path(path.as_str().into());
                let lease = self.lease_actor(key).map_err(|_| NoTarget::NoRoom)?;
                vec![Arc::clone(lease.actor())]
            }
            Target::Client(client) => {
                let is_here = |actor: &Arc<Actor>| actor.clients().find(client).is_some();
                vec![self.all().into_iter().find(is_here).ok_or(NoTarget::NoClient)?]
            }
        };
        let number = u32::try_from(actors.len()).unwrap_or(MAX_DELIVERIES).min(MAX_DELIVERIES);
        let places = Arc::clone(&self.deliveries).acquire_many_owned(number).await;
        // The semaphore is never closed. Held until the last instance has had it.
        let places = Arc::new(places.map_err(|_| NoTarget::NoRoom)?);
        // All ask for their turn now: so messages keep their order, and nobody waits for a handler that sleeps but
        // its own clients.
        let start = |actor: Arc<Actor>| {
            let (message, info, places) = (Arc::clone(&message), info.clone(), Arc::clone(&places));
            let delivered = Arc::clone(&actor);
            actor.worker().run(async move {
                let answer = deliver(&delivered, &message, info).await;
                drop(places);
                answer
            })
        };
        let deliveries = actors.into_iter().map(start).collect();
        Ok(all(deliveries).await)
    }

    fn everybody(self: &Arc<Self>) -> Result<Vec<Arc<Actor>>, NoTarget> {
        let InstancePer::Resource { instances } = self.instance_per else { return Ok(self.all()) };
        let begin = |number| self.lease_actor(Key::Number(number)).map_err(|_| NoTarget::NoRoom);
        (0..instances.get()).map(|number| Ok(Arc::clone(begin(number)?.actor()))).collect()
    }
}

async fn deliver(
    actor: &Arc<Actor>,
    message: &[u8],
    info: CustomInfo,
) -> Result<CustomReply, Fault> {
    let answer = actor.turn().await.received_custom(message.to_vec(), info).await;
    if let Err(fault) = &answer {
        actor.report_fault(None, fault);
    }
    answer
}
