//! A client from its acceptance by the handler to its last event.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ConnectionEnd;
use super::closing::ConnectionGuard;
use crate::actor::Actor;
use crate::actor_resources::Registration;
use crate::clients::Client;
use crate::guest::Fault;
use crate::resource::ActorLease;

/// How long a client's last event waits for room for an instance. The event is not delivered again later.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The time between two attempts to deliver the last event.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// A client that its handler has accepted, until its `disconnected` is under way.
///
/// The handler gets that event exactly once, whatever happens to the connection. If this value is dropped earlier, for
/// example with a request that was cut off, the drop delivers the event.
pub(crate) struct Admitted {
    client: Arc<Client>,
    actor: Arc<Actor>,
    guard: Arc<ConnectionGuard>,
    /// `None` once the last event is under way.
    registered: Option<(Registration, ActorLease)>,
}

/// What a client counts against: its actor's and its server's limits.
pub(crate) struct ClientPermit {
    /// Keeps the actor, until the actor has had the client's last event.
    pub(crate) lease: ActorLease,
    /// Counts in the server, until the connection is closed as well.
    pub(crate) guard: Arc<ConnectionGuard>,
}

impl Admitted {
    pub(crate) fn new(
        client: Arc<Client>,
        registration: Registration,
        permit: ClientPermit,
    ) -> Self {
        let ClientPermit { lease, guard } = permit;
        Self {
            client,
            actor: Arc::clone(lease.actor()),
            guard,
            registered: Some((registration, lease)),
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// Begins to deliver the last event. The connection may stay open for a while: it counts as long as the caller
    /// keeps the guard.
    pub(crate) fn disconnect(mut self, end: &ConnectionEnd) -> Arc<ConnectionGuard> {
        self.unregister(end);
        Arc::clone(&self.guard)
    }

    pub(super) fn report_fault(&self, fault: &Fault) {
        self.actor.report_fault(Some(self.client.id()), fault);
    }

    fn unregister(&mut self, end: &ConnectionEnd) {
        let Some((registration, lease)) = self.registered.take() else { return };
        let client = Arc::clone(&self.client);
        let id = client.id();
        let sent = client.outgoing().outbound.close_code();
        let disconnection = end.disconnection(sent, client.cause());
        let cause = disconnection.cause.as_str();
        let (code, sent) = (disconnection.code, disconnection.sent_code);
        tracing::debug!(client = %id, cause, code, sent, "disconnected: {end}");
        // Unregistered now, and not only when the event has its turn: nothing finds the client any more.
        drop(registration);
        let guard = Arc::clone(&self.guard);
        // If the worker is gone, so are the host and its guests.
        self.actor.worker().run(async move {
            let actor = lease.actor();
            let deadline = Instant::now() + MAX_WAIT;
            loop {
                match actor.turn().await.disconnected(&client, &disconnection).await {
                    Ok(()) => break,
                    // Sleeps without the turn: other events may find room for an instance.
                    Err(Fault::NoInstance(_)) if Instant::now() < deadline => {
                        sleep(RETRY_INTERVAL).await
                    }
                    Err(fault) => {
                        actor.report_fault(Some(id), &fault);
                        break;
                    }
                }
            }
            drop((client, lease, guard));
        });
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.unregister(&ConnectionEnd::EndOfStream);
    }
}
