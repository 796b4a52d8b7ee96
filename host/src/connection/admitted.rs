//! A client between the handler's yes and the handler's last event.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::End;
use crate::actor::Actor;
use crate::clients::Client;
use crate::guest::Fault;
use crate::resource::Stay;

/// A client that its handler has let in, until its `disconnected` has been delivered.
///
/// The handler is owed that event, exactly once, whatever becomes of the connection. So a value that
/// is dropped before, with a request that was cut off, say, still has it delivered.
pub(crate) struct Admitted {
    client: Arc<Client>,
    /// `None` once the last event is under way.
    place: Option<Place>,
    actor: Arc<Actor>,
}

/// A client's place in the server, free again when it is dropped.
pub(crate) struct Place {
    /// With its actor.
    pub(crate) stay: Stay,
    /// Counts against the limit of clients.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Makes a server that stops wait for it.
    pub(crate) _token: TaskTrackerToken,
}

impl Admitted {
    pub(crate) fn new(client: Arc<Client>, place: Place) -> Self {
        Self { client, actor: Arc::clone(place.stay.actor()), place: Some(place) }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// Delivers the last event.
    ///
    /// # Cancel safety
    ///
    /// None: it is a call of the guest.
    pub(crate) async fn disconnect(mut self, end: &End) {
        let _place = self.place.take();
        deliver_last(&self.client, &self.actor, end).await;
    }

    pub(super) fn tell_fault(&self, fault: &Fault) {
        self.actor.tell_fault(Some(self.client.id()), fault);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        // When its worker is gone, so is the host, and its guests with it.
        if let Some(place) = self.place.take() {
            let (client, actor) = (Arc::clone(&self.client), Arc::clone(&self.actor));
            self.actor.home().runtime().spawn(async move {
                deliver_last(&client, &actor, &End::Left).await;
                drop(place);
            });
        }
    }
}

async fn deliver_last(client: &Client, actor: &Arc<Actor>, end: &End) {
    let id = client.id();
    actor.clients().remove(id);
    let how = end.disconnection(client.outgoing().outbound.close_code());
    tracing::debug!(client = %id, code = how.code, sent = how.sent, "disconnected: {end}");
    if let Err(fault) = actor.turn().await.disconnected(client, &how).await {
        actor.tell_fault(Some(id), &fault);
    }
}
