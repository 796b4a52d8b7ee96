//! A client between the handler's yes and the handler's last event.

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

/// For how long a client's last event waits for room for an instance, as nobody would tell it again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// After what time it is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// A client that its handler has let in, until its `disconnected` is under way.
///
/// The handler is owed that event, exactly once, whatever becomes of the connection. So a value that
/// is dropped before, with a request that was cut off, say, still has it delivered.
pub(crate) struct Admitted {
    client: Arc<Client>,
    actor: Arc<Actor>,
    guard: Arc<ConnectionGuard>,
    /// `None` once the last event is under way.
    inside: Option<(Registration, ActorLease)>,
}

/// A client's place in the server.
pub(crate) struct ClientPermit {
    /// With its actor, until that has had the client's last event.
    pub(crate) lease: ActorLease,
    /// In the server, until the connection is closed as well.
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
            inside: Some((registration, lease)),
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// Begins to deliver the last event. The connection may still be there for a while: it counts as long as the
    /// answer is kept.
    pub(crate) fn disconnect(mut self, end: &ConnectionEnd) -> Arc<ConnectionGuard> {
        self.unregister(end);
        Arc::clone(&self.guard)
    }

    pub(super) fn report_fault(&self, fault: &Fault) {
        self.actor.report_fault(Some(self.client.id()), fault);
    }

    fn unregister(&mut self, end: &ConnectionEnd) {
        let Some((registration, lease)) = self.inside.take() else { return };
        let client = Arc::clone(&self.client);
        let id = client.id();
        let sent = client.outgoing().outbound.close_code();
        let how = end.disconnection(sent, client.cause());
        let cause = how.cause.as_str();
        tracing::debug!(client = %id, cause, code = how.code, sent = how.sent, "disconnected: {end}");
        // Nobody finds it any more, from now on and not only when its turn has come.
        drop(registration);
        let guard = Arc::clone(&self.guard);
        // When its worker is gone, so is the host, and its guests with it.
        self.actor.worker().run(async move {
            let actor = lease.actor();
            let until = Instant::now() + LONGEST_WAIT;
            loop {
                match actor.turn().await.disconnected(&client, &how).await {
                    Ok(()) => break,
                    // Without the turn, which others may have an instance for.
                    Err(Fault::NoInstance(_)) if Instant::now() < until => sleep(TRY_AGAIN).await,
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
