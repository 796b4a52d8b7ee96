//! A client between the handler's yes and the handler's last event.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::End;
use crate::actor::Actor;
use crate::clients::Client;
use crate::guest::Fault;

/// A client that its handler has let in, until its `disconnected` has been delivered.
///
/// Whoever holds one owes the handler that event: [`Connection::serve`](super::Connection::serve) or
/// [`Admitted::disconnect`].
pub(crate) struct Admitted {
    client: Arc<Client>,
    actor: Arc<Actor>,
    _place: Place,
}

/// A client's place in the server, free again when it is dropped.
pub(crate) struct Place {
    /// Counts against the limit of clients.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Makes a server that stops wait for it.
    pub(crate) _token: TaskTrackerToken,
}

impl Admitted {
    pub(crate) fn new(client: Arc<Client>, actor: Arc<Actor>, place: Place) -> Self {
        Self { client, actor, _place: place }
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
    pub(crate) async fn disconnect(&self, end: &End) {
        let id = self.client.id();
        self.actor.clients().remove(id);
        let how = end.disconnection(self.client.outgoing().outbound.close_code());
        tracing::debug!(client = %id, code = how.code, sent = how.sent, "disconnected: {end}");
        if let Err(fault) = self.actor.turn().await.disconnected(&self.client, &how).await {
            self.tell_fault(&fault);
        }
    }

    pub(super) fn tell_fault(&self, fault: &Fault) {
        self.actor.tell_fault(self.client.id(), fault);
    }
}
